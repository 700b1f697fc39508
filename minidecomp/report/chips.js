"use strict";
// Chips of legends: a small picture of a mark, and what it stands for.

// `shapes`: pairs of an SVG element's name and its attributes, in a box of 22 x 12
function chip(parent, text, shapes) {
  const item = newElement(parent, "span", "chip"), root = svg("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" }, item);
  for (const [tag, attributes] of shapes) svg(tag, attributes, root);
  newElement(item, "span", "", text);
  return item;
}

const MARKS = {
  area: (name) => ["rect", { x: 2, y: 0, width: 18, height: 12, fill: `var(--${name})`, "fill-opacity": 0.6 }],
  line: (name) => ["path", { d: "M0 6H22", stroke: `var(--${name})`, "stroke-width": 2, fill: "none" }],
  dot: (name) => ["circle", { cx: 11, cy: 6, r: 4, fill: `var(--${name})` }],
  ring: (name) => ["circle", { cx: 11, cy: 6, r: 5, fill: "none", stroke: `var(--${name})`, "stroke-width": 2 }],
  ellipse: (name) => ["ellipse", { cx: 11, cy: 6, rx: 10, ry: 5, fill: "none", stroke: `var(--${name})`, "stroke-width": 1.5 }],
  arrow: (name) => ["path", { d: "M1 6H14M13 1.5L21 6L13 10.5Z", stroke: `var(--${name})`, "stroke-width": 2, fill: `var(--${name})` }],
  ticks: (name) => ["path", { d: "M4 1V11M8 1V11M15 1V11M18 1V11", stroke: `var(--${name})`, "stroke-width": 1.5 }],
};

function chips(id, entries) {
  const parent = document.getElementById(id);
  parent.replaceChildren();
  for (const [text, ...shapes] of entries) chip(parent, text, shapes);
}
