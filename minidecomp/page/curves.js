"use strict";
// Small line charts.

const SVG = "http://www.w3.org/2000/svg";

function svg(tag, attributes, parent) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (parent) parent.appendChild(element);
  return element;
}

function short(value) {
  const size = Math.abs(value);
  return size !== 0 && (size < 0.01 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

// One panel: lines of [name, values, class], over x or, dashed, over a fourth entry of their own; a logarithmic axis where
// asked for.
function chart(parent, title, x, lines, logarithmic) {
  const known = lines.filter(([, values]) => values.some((value) => value !== null));
  if (known.length === 0 || x.length === 0) return;
  const map = (value) => (logarithmic ? Math.log10(value) : value);
  const usable = (value) => value !== null && (!logarithmic || value > 0);
  const all = known.flatMap(([, values]) => values.filter(usable).map(map)).sort((a, b) => a - b);
  if (all.length === 0) return;
  let low = all[Math.floor(0.01 * all.length)], high = all[Math.ceil(0.99 * all.length) - 1];
  if (high - low < 1e-12) { low -= 0.5; high += 0.5; }
  const box = document.createElement("div");
  box.className = "curve";
  parent.appendChild(box);
  const W = 330, H = 150, left = 46, foot = 20, head = 18;
  const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title }, box);
  svg("text", { x: left, y: 11 }, root).textContent = title;
  const px = (at) => left + (W - left - 6) * (x.length > 1 ? (at - x[0]) / (x[x.length - 1] - x[0]) : 0.5);
  const py = (value) => head + (H - head - foot) * (1 - (Math.min(Math.max(map(value), low), high) - low) / (high - low));
  for (const level of [low, (low + high) / 2, high]) {
    const value = logarithmic ? 10 ** level : level, y = py(value);
    svg("line", { x1: left, x2: W - 6, y1: y, y2: y }, root);
    svg("text", { x: left - 4, y: y + 4, "text-anchor": "end" }, root).textContent = short(value);
  }
  svg("text", { x: left, y: H - 4 }, root).textContent = `epoch ${x[0]}`;
  svg("text", { x: W - 6, y: H - 4, "text-anchor": "end" }, root).textContent = String(x[x.length - 1]);
  known.forEach(([name, values, kind, own], i) => {
    const along = own || x;
    let path = "", begun = false;
    values.forEach((value, at) => {
      if (!usable(value)) { begun = false; return; }
      path += `${begun ? "L" : "M"}${px(along[at]).toFixed(1)} ${py(value).toFixed(1)}`;
      begun = true;
    });
    const line = svg("path", { d: path.includes("L") ? path : `${path}h0.01`, stroke: `var(--${kind})` }, root);
    if (!path.includes("L")) line.setAttribute("stroke-width", "6");
    if (own) line.setAttribute("stroke-dasharray", "4 3");
    if (known.length > 1) {
      const label = svg("text", { x: left + 58 + 68 * i, y: H - 4 }, root);
      label.textContent = name;
      label.style.fill = `var(--${kind})`;
    }
  });
}
