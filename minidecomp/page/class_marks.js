"use strict";
// The marks of classes: the shapes of the pictures, with a rim that parts them from what lies behind.

const RIM = 1.5; // pixels; half of it is outside the shape

const turned = (outline, angle) => outline.map(([x, y]) => [
  x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle),
]);
const TRIANGLE = [[0, -1.4], [1.3, 0.95], [-1.3, 0.95]];
const PLUS = [0, 1, 2, 3].flatMap((k) => turned([[-0.42, -1.2], [0.42, -1.2], [0.42, -0.42]], k * Math.PI / 2));
const STAR = [0, 1, 2, 3, 4].flatMap((k) => turned([...turned([[0, -0.68]], -Math.PI / 5), [0, -1.55]], k * 0.4 * Math.PI));
// By matplotlib's names; each covers about as much as a circle of radius 1, which has no outline here.
const OUTLINES = {
  "^": TRIANGLE, v: turned(TRIANGLE, Math.PI), "<": turned(TRIANGLE, -Math.PI / 2), ">": turned(TRIANGLE, Math.PI / 2),
  s: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]], D: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
  P: PLUS, X: turned(PLUS, Math.PI / 4), "*": STAR,
};

function classShape(code) {
  return CONSTANTS.classShapes[code % CONSTANTS.classShapes.length];
}

function addMark(path, shape, x, y, radius) {
  const outline = OUTLINES[shape];
  if (outline) {
    outline.forEach(([u, v], k) => path[k === 0 ? "moveTo" : "lineTo"](x + radius * u, y + radius * v));
    path.closePath();
  } else {
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
  }
}

function drawMarks(context, path, fill, rim) {
  context.strokeStyle = rim;
  context.lineWidth = RIM;
  context.stroke(path);
  context.fillStyle = fill;
  context.fill(path);
}

// A class's mark in a legend
function classMark(parent, shape, fill) {
  const outline = OUTLINES[shape], root = svg("svg", { viewBox: "-1.8 -1.8 3.6 3.6", class: "class-mark", "aria-hidden": "true" }, parent);
  const d = outline ? `M${outline.map((place) => place.map((value) => value.toFixed(2)).join(" ")).join("L")}Z` : "M-1.1 0a1.1 1.1 0 1 0 2.2 0a1.1 1.1 0 1 0 -2.2 0Z";
  return svg("path", { d, fill, stroke: "var(--rim)", "stroke-width": 0.3 }, root);
}
