"use strict";
// The marks of classes: the shapes of the pictures, with a rim that parts them from what lies behind.

const RIM = 1.5; // pixels; half of it is outside the shape

const turned = (outline, angle) => outline.map(([x, y]) => [
  x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle),
]);
const TRIANGLE = [[0, -1.4], [1.3, 0.95], [-1.3, 0.95]];
const PLUS = [0, 1, 2, 3].flatMap((k) => turned([[-0.42, -1.2], [0.42, -1.2], [0.42, -0.42]], k * Math.PI / 2));
const POINT = [...turned([[0, -0.68]], -Math.PI / 5), [0, -1.55]];
const STAR = [0, 1, 2, 3, 4].flatMap((k) => turned(POINT, k * 0.4 * Math.PI));
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

// A mark drawn once, and copied to each point: as fast as plain dots. It stands on whole pixels of the screen.
const stamps = new Map();
const MOST_STAMPS = 200; // sizes change with the window

function markStamp(shape, radius, fill, rim) {
  const ratio = window.devicePixelRatio || 1, key = [shape, radius, fill, rim, ratio].join();
  if (stamps.size > MOST_STAMPS) stamps.clear();
  if (!stamps.has(key)) stamps.set(key, newStamp(shape, radius, fill, rim, ratio));
  return stamps.get(key);
}

function newStamp(shape, radius, fill, rim, ratio) {
  const image = document.createElement("canvas"), path = new Path2D();
  image.width = image.height = 2 * Math.ceil((1.6 * radius + RIM) * ratio) + 1;
  const context = image.getContext("2d"), side = image.width / ratio;
  context.scale(ratio, ratio);
  addMark(path, shape, side / 2, side / 2, radius);
  context.strokeStyle = rim;
  context.lineWidth = RIM;
  context.stroke(path);
  context.fillStyle = fill;
  context.fill(path);
  return { image, side, ratio };
}

function drawMark(context, { image, side, ratio }, x, y) {
  const whole = (value) => Math.round((value - side / 2) * ratio) / ratio;
  if (Number.isFinite(x + y)) context.drawImage(image, whole(x), whole(y), side, side);
}

// A class's mark in a legend
function classMark(parent, shape, fill) {
  const outline = OUTLINES[shape], box = { viewBox: "-1.8 -1.8 3.6 3.6", "aria-hidden": "true" };
  const root = svg("svg", { ...box, class: "class-mark" }, parent);
  const places = outline && outline.map((place) => place.map((value) => value.toFixed(2)).join(" "));
  const d = outline ? `M${places.join("L")}Z` : "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0 -2 0Z";
  return svg("path", { d, fill, stroke: "var(--rim)", "stroke-width": 0.3 }, root);
}
