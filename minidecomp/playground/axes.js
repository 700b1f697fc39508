"use strict";
// Axes of a plane or a chart: round ticks, extents that follow the data, points near a place, sharp canvases.

const EXTENT_ROOM = 0.08; // of the side, on each side of what must be in view
const TOO_WIDE = 0.5; // what must be in view takes less than this share of the side
const AXIS_NAME = 12; // pixels that the up axis's name takes
const EASING = 0.18; // of the way that is left, in each frame

// Multiples of 1, 2 or 5 times a power of ten from low to high, at most so many
function roundTicks(low, high, most) {
  if (!(high > low) || !Number.isFinite(high - low)) return Number.isFinite(low) ? [low] : [];
  let step = roundStep((high - low) / (most + 1));
  const first = () => Math.ceil(low / step - 1e-9), last = () => Math.floor(high / step + 1e-9);
  while (last() - first() >= most) step = roundStep(1.5 * step);
  const count = Math.max(last() - first() + 1, 0);
  return Array.from({ length: count }, (_, k) => Number(((first() + k) * step).toPrecision(12)));
}

// The least of 1, 2, 5 times a power of ten that is at least so much
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least) + 1e-9);
  return Number((power * [1, 2, 5, 10].find((part) => part * power >= least * (1 - 1e-9))).toPrecision(12));
}

// A tick's number with no more digits than its neighbours need
function tickText(value, ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : Math.abs(value) || 1, size = Math.max(...ticks.map(Math.abs));
  if (size >= 1e5 || (size > 0 && step < 1e-4)) return value === 0 ? "0" : Number(value.toPrecision(3)).toExponential();
  return value.toFixed(Math.min(Math.max(-Math.floor(Math.log10(step) + 1e-9), 0), 6)).replace("-", "−");
}

// The power of ten that an axis's name takes over from its ticks; 0 where their numbers are short without
function powerOfTicks(ticks) {
  const size = Math.max(0, ...ticks.map(Math.abs)), power = Math.floor(Math.log10(size) + 1e-9);
  const apart = ticks.length < 2 || (ticks[1] - ticks[0]) / 10 ** power >= 0.005;
  return size > 0 && (size >= 1e4 || size < 0.01) && apart ? power : 0;
}

// The ticks' numbers as texts, and the axis's name with the power of ten that they leave out: "income (10⁵)"
function tickTexts(ticks, name) {
  const power = powerOfTicks(ticks), left = ticks.map((value) => Number((value / 10 ** power).toPrecision(12)));
  const raised = String(power).replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
  return { texts: left.map((value) => tickText(value, left)), name: power === 0 ? name : `${name} (10${raised})` };
}

// At most `most` of the indices from 0 to count - 1, spread over all of them and over every repeating order among them
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

// A square around a box with room on each side
function squareAround(box) {
  const half = Math.max(box[1] - box[0], box[3] - box[2], 1e-6) * (0.5 + EXTENT_ROOM);
  const x = (box[0] + box[1]) / 2, y = (box[2] + box[3]) / 2;
  return [x - half, x + half, y - half, y + half];
}

// An extent widened around its middle until a unit is as long across as up on a canvas of that shape
function widenedExtent([left, right, low, high], width, height) {
  const unit = Math.max((right - left) / width, (high - low) / height), x = (left + right) / 2, y = (low + high) / 2;
  return [x - unit * width / 2, x + unit * width / 2, y - unit * height / 2, y + unit * height / 2];
}

// The extent to make for: the present one, unless something leaves it or it is much too wide.
function extentToMakeFor(present, box) {
  if (!box.every(Number.isFinite)) return present || [-1, 1, -1, 1];
  if (!present) return squareAround(box);
  const inside = box[0] >= present[0] && box[1] <= present[1] && box[2] >= present[2] && box[3] <= present[3];
  const share = Math.max(box[1] - box[0], box[3] - box[2]) / (present[1] - present[0]);
  return inside && share >= TOO_WIDE ? present : squareAround(box);
}

// One frame's way from what is shown to what is wanted; all the way where little is left.
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

// The next place from one in a direction (dx, dy): near, rather straight ahead than aside; itself where there is none
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

// What a key chooses among places on a canvas: an index, null to free the point, undefined for other keys
function chosenByKey(key, places, chosen, [x, y]) {
  if (key === "Escape") return null;
  const direction = ARROW_KEYS[key];
  if (!direction || places.length === 0) return undefined;
  if (chosen !== null) return nextPlace(places, chosen, ...direction);
  const { index } = nearestPlace(places, x, y);
  return index < 0 ? undefined : index;
}

// Clicks, the pointer and keys of a canvas of points. `found` has places(), chosen() and centre().
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

const PALETTE_NAMES = [
  "paper", "ink", "faint", "line", "panel", "density", "prior", "reconstruction", "kl", "regulariser", "sum", "mark",
];

// The style sheet's colours, read once a frame
function palette() {
  const style = getComputedStyle(document.documentElement), found = {};
  for (const name of PALETTE_NAMES) found[name] = style.getPropertyValue(`--${name}`).trim();
  return found;
}

// The colours of the classes: a run's own, which are those of its pictures, or the usual ones
function classColoursOf(data) {
  return data.classColours && data.classColours.length ? data.classColours : CONSTANTS.classColours;
}

// A canvas's context in CSS pixels, cleared and sharp on every screen; null where it is hidden.
function clearedContext(canvas) {
  const width = canvas.clientWidth, height = canvas.clientHeight, ratio = window.devicePixelRatio || 1;
  if (width === 0 || height === 0) return null;
  const across = Math.round(width * ratio), up = Math.round(height * ratio);
  if (canvas.width !== across || canvas.height !== up) Object.assign(canvas, { width: across, height: up });
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

function newElement(parent, tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
}

// A number of a few digits, with a minus sign
function signedText(value) {
  return short(value).replace(/^-/, "−");
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function middleOf(canvas) {
  return [canvas.clientWidth / 2, canvas.clientHeight / 2];
}

// A focusable canvas that a screen reader calls by its label
function pointCanvas(container, className, label) {
  const canvas = newElement(container, "canvas", className);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

// The class's colour of a point; the usual one where the data has no classes.
function colourOfPoint(data, i, usual) {
  const colours = classColoursOf(data);
  return data && data.labels && data.labels[i] >= 0 ? colours[data.labels[i] % colours.length] : usual;
}

function nameOfPoint(data, i) {
  const name = data && data.labels ? data.classNames[data.labels[i]] : undefined;
  return name === undefined ? `point ${i + 1}` : `point ${i + 1} (${name})`;
}

// In pixels; less for many points and in a small plane
function dotRadius(frame, count) {
  return (count > 800 ? 2 : 2.8) * Math.min(1, Math.max(0.6, Math.min(frame.width, frame.height) / 280));
}

// Dots at places on the canvas in their classes' colours: a path for each class
function drawClassDots(context, places, data, radius, usual) {
  const paths = new Map();
  for (let i = 0; 2 * i < places.length; i++) {
    const fill = colourOfPoint(data, i, usual), x = places[2 * i], y = places[2 * i + 1];
    if (!paths.has(fill)) paths.set(fill, new Path2D());
    const path = paths.get(fill);
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
  }
  for (const [fill, path] of paths) {
    context.fillStyle = fill;
    context.fill(path);
  }
}

// The part of a canvas inside the axes, and where a value stands in it
class PlotFrame {
  constructor(left, top, width, height, extent) {
    Object.assign(this, { left, top, width, height, extent });
    this.across = width / (extent[1] - extent[0]);
    this.up = height / (extent[3] - extent[2]);
  }

  px(value) {
    return this.left + (value - this.extent[0]) * this.across;
  }

  py(value) {
    return this.top + (this.extent[3] - value) * this.up;
  }

  // Two columns of rows * width numbers as (x, y) on the canvas
  places(values, width, [first, second]) {
    const rows = values.length / width, places = new Float64Array(2 * rows);
    for (let i = 0; i < rows; i++) {
      places[2 * i] = this.px(values[i * width + first]);
      places[2 * i + 1] = this.py(values[i * width + second]);
    }
    return places;
  }

  clip(context) {
    context.beginPath();
    context.rect(this.left, this.top, this.width, this.height);
    context.clip();
  }

  // Ticks with their numbers below and left of the frame, the axes' names in the middle; no second axis without a name
  drawAxes(context, colours, names) {
    const { left, top, width, height, extent } = this;
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colours.faint;
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
    context.beginPath();
    const across = roundTicks(extent[0], extent[1], Math.max(2, Math.floor(width / 55)));
    const { texts, name } = tickTexts(across, names[0]);
    context.textAlign = "center";
    context.textBaseline = "top";
    across.forEach((value, i) => {
      context.moveTo(this.px(value), top + height - 5);
      context.lineTo(this.px(value), top + height);
      context.fillText(texts[i], this.px(value), top + height + 3);
    });
    context.fillText(fitted(context, name, width), left + width / 2, top + height + 16);
    if (names[1]) this.drawUpAxis(context, names[1]);
    context.stroke();
  }

  // A long number is drawn narrower than its digits are, so that it never lies on the name.
  drawUpAxis(context, unscaled) {
    const { left, top, height, extent } = this;
    const up = roundTicks(extent[2], extent[3], Math.max(2, Math.floor(height / 45)));
    const { texts, name } = tickTexts(up, unscaled);
    context.textAlign = "right";
    context.textBaseline = "middle";
    up.forEach((value, i) => {
      const y = this.py(value), text = Math.min(Math.max(y, top + 5), top + height - 5);
      context.moveTo(left, y);
      context.lineTo(left + 5, y);
      context.fillText(texts[i], left - 4, text, left - 4 - AXIS_NAME);
    });
    context.save();
    context.translate(AXIS_NAME / 2, top + height / 2);
    context.rotate(-Math.PI / 2);
    context.textAlign = "center";
    context.fillText(fitted(context, name, height), 0, 0);
    context.restore();
  }
}
