"use strict";
// Axes of a plane or a chart: round ticks, extents that follow the data, the nearest point, sharp canvases.

const EXTENT_ROOM = 0.08; // the margin on each side of what must be in view, as a share of the side
const TOO_WIDE = 0.5; // the extent is too wide if what must be in view takes less than this share of the side
const EASING = 0.18; // the share of the remaining way that is covered in each frame

// At most `most` of the indices from 0 to count - 1, spread over all of them and over any order that repeats in them
function evenlySpread(count, most) {
  if (count <= most) return Int32Array.from({ length: count }, (_, i) => i);
  let stride = Math.max(Math.round(0.6180339887 * count), 1);
  while (commonDivisor(stride, count) > 1) stride++;
  return Int32Array.from({ length: most }, (_, k) => k * stride % count).sort();
}

function commonDivisor(a, b) {
  return b === 0 ? a : commonDivisor(b, a % b);
}

// The box [left, right, low, high] of two columns of rows * width numbers, each widened by `by`
function boxOfColumns(values, width, columns, by) {
  const box = [Infinity, -Infinity, Infinity, -Infinity];
  for (let at = 0; at < values.length; at += width) {
    for (const axis of [0, 1]) {
      const value = values[at + columns[axis]];
      if (value - by[axis] < box[2 * axis]) box[2 * axis] = value - by[axis];
      if (value + by[axis] > box[2 * axis + 1]) box[2 * axis + 1] = value + by[axis];
    }
  }
  return box;
}

function boxOfBoth(a, b) {
  return [Math.min(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.max(a[3], b[3])];
}

// A square around a box, with a margin on each side
function squareAround(box) {
  const half = Math.max(box[1] - box[0], box[3] - box[2], 1e-6) * (0.5 + EXTENT_ROOM);
  const x = (box[0] + box[1]) / 2, y = (box[2] + box[3]) / 2;
  return [x - half, x + half, y - half, y + half];
}

// An extent widened around its middle until a unit has the same length on both axes of a canvas of that shape
function widenedExtent([left, right, low, high], width, height) {
  const unit = Math.max((right - left) / width, (high - low) / height), x = (left + right) / 2, y = (low + high) / 2;
  return [x - unit * width / 2, x + unit * width / 2, y - unit * height / 2, y + unit * height / 2];
}

// The extent to move towards: the current one, unless something leaves it or it is much too wide.
function extentToMakeFor(present, box) {
  if (!box.every(Number.isFinite)) return present || [-1, 1, -1, 1];
  if (!present) return squareAround(box);
  const inside = box[0] >= present[0] && box[1] <= present[1] && box[2] >= present[2] && box[3] <= present[3];
  const share = Math.max(box[1] - box[0], box[3] - box[2]) / (present[1] - present[0]);
  return inside && share >= TOO_WIDE ? present : squareAround(box);
}

// One frame's move from the shown extent to the wanted one; the whole move if little is left.
function easedTowards(shown, wanted, share) {
  if (!shown || share >= 1) return wanted.slice();
  const unit = Math.max(...wanted.map((value, i) => Math.abs(value - wanted[i ^ 1]))) || 1;
  return wanted.map((value, i) => {
    const left = value - shown[i];
    return Math.abs(left) < 0.002 * unit ? value : shown[i] + share * left;
  });
}

// The index of the place nearest to (x, y) in a flat list of (x, y), and its distance
function nearestPlace(places, x, y) {
  let index = -1, least = Infinity;
  for (let i = 0; 2 * i < places.length; i++) {
    const distance = (places[2 * i] - x) ** 2 + (places[2 * i + 1] - y) ** 2;
    if (distance < least) [index, least] = [i, distance];
  }
  return { index, distance: Math.sqrt(least) };
}

// The next place in a direction (dx, dy): near, and straight ahead rather than aside; the place itself if there is none
function nextPlace(places, from, dx, dy) {
  let index = from, least = Infinity;
  for (let i = 0; 2 * i < places.length; i++) {
    const x = places[2 * i] - places[2 * from], y = places[2 * i + 1] - places[2 * from + 1];
    const ahead = x * dx + y * dy, aside = Math.abs(x * dy - y * dx), cost = ahead + 2.5 * aside;
    if (i !== from && ahead > 0 && aside <= 2 * ahead && cost < least) [index, least] = [i, cost];
  }
  return index;
}

const ARROW_KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// What a key chooses among places on a canvas: an index, null to deselect the point, undefined for other keys
function chosenByKey(key, places, chosen, [x, y]) {
  if (key === "Escape") return null;
  const direction = ARROW_KEYS[key];
  if (!direction || places.length === 0) return undefined;
  if (chosen !== null) return nextPlace(places, chosen, ...direction);
  const { index } = nearestPlace(places, x, y);
  return index < 0 ? undefined : index;
}

// Handles clicks, the pointer and keys on a canvas of points. `found` has places(), chosen() and centre().
function listenForPoints(canvas, found, { onChoose, onHover }) {
  const nearest = (event) => {
    const box = canvas.getBoundingClientRect();
    return nearestPlace(found.places(), event.clientX - box.left, event.clientY - box.top);
  };
  canvas.addEventListener("click", (event) => {
    const { index } = nearest(event);
    if (index >= 0 && onChoose) onChoose(index);
  });
  canvas.addEventListener("pointermove", (event) => {
    const { index, distance } = nearest(event);
    if (onHover) onHover(distance < 16 ? index : null);
  });
  canvas.addEventListener("pointerleave", () => { if (onHover) onHover(null); });
  canvas.addEventListener("keydown", (event) => {
    const index = chosenByKey(event.key, found.places(), found.chosen(), found.centre());
    if (index === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (onChoose) onChoose(index);
  });
}

// ---- canvases ----

// The colours of the classes: those of a run's pictures, or the default ones
function classColoursOf(data) {
  return data.classColours && data.classColours.length ? data.classColours : CONSTANTS.classColours;
}

// A number with few digits and a true minus sign
function signedText(value) {
  return short(value).replace(/^-/, "−");
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function middleOf(canvas) {
  return [canvas.clientWidth / 2, canvas.clientHeight / 2];
}

// A focusable canvas with a label for screen readers
function pointCanvas(container, className, label) {
  const canvas = newElement(container, "canvas", className);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

// The colour of a point's class; the default colour if the data have no classes.
function colourOfPoint(data, i, usual) {
  const colours = classColoursOf(data);
  return data && data.labels && data.labels[i] >= 0 ? colours[data.labels[i] % colours.length] : usual;
}

function nameOfPoint(data, i) {
  const name = data && data.labels ? data.classNames[data.labels[i]] : undefined;
  return name === undefined ? `point ${i + 1}` : `point ${i + 1} (${name})`;
}

// In pixels; smaller for many points and in a small plane
function dotRadius(frame, count) {
  return (count > 800 ? 2 : 2.8) * Math.min(1, Math.max(0.6, Math.min(frame.width, frame.height) / 280));
}

// The marks of all points
function drawClassMarks(context, places, data, radius, usual, rim) {
  const own = new Map(); // by class
  for (let i = 0; 2 * i < places.length; i++) {
    const code = data.labels ? data.labels[i] : -1;
    if (!own.has(code)) {
      const shape = code < 0 ? "o" : classShape(code);
      own.set(code, markStamp(shape, radius, colourOfPoint(data, i, usual), rim));
    }
    drawMark(context, own.get(code), places[2 * i], places[2 * i + 1]);
  }
}
