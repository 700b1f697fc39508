"use strict";
// Canvases: colours from the style sheet, so that dark mode is one place.

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function rgb(name) {
  const text = colour(name);
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}

function arrow(context, x, y, dx, dy, stroke) {
  const length = Math.hypot(dx, dy);
  if (length < 2) return;
  const ux = dx / length, uy = dy / length, head = Math.min(9, length);
  context.strokeStyle = context.fillStyle = stroke;
  context.lineWidth = 3;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + dx - ux * head, y + dy - uy * head);
  context.stroke();
  context.beginPath();
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + dx - ux * head - uy * head * 0.6, y + dy - uy * head + ux * head * 0.6);
  context.lineTo(x + dx - ux * head + uy * head * 0.6, y + dy - uy * head - ux * head * 0.6);
  context.fill();
}

function dot(context, x, y, radius, fill) {
  context.fillStyle = fill;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

// Images side by side, grey or in colour; the values' range is theirs together, or 0 to 1.
function drawImages(canvas, images, shape) {
  const [rows, columns, channels = 1] = shape, context = canvas.getContext("2d"), gap = 8;
  const side = (canvas.width - gap * (images.length - 1)) / images.length, scale = side / columns;
  canvas.height = Math.round(rows * scale);
  let low = 0, high = 1;
  for (const image of images) for (const value of image) { low = Math.min(low, value); high = Math.max(high, value); }
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = false;
  images.forEach((image, k) => {
    const small = document.createElement("canvas");
    small.width = columns;
    small.height = rows;
    const pixels = small.getContext("2d").createImageData(columns, rows);
    for (let i = 0; i < rows * columns; i++) {
      const part = Array.from(image.slice(i * channels, (i + 1) * channels), (v) => 255 * (v - low) / (high - low));
      const [red, green = red, blue = red, alpha = 255] = part;
      pixels.data.set([red, green, blue, alpha], 4 * i);
    }
    small.getContext("2d").putImageData(pixels, 0, 0);
    context.drawImage(small, k * (side + gap), 0, side, canvas.height);
  });
}

// The least and the greatest value of each of n columns of points, which each have an axis of their own or share one.
class Ranges {
  constructor(points, n, own) {
    this.own = own;
    this.low = new Float64Array(n).fill(Infinity);
    this.high = new Float64Array(n).fill(-Infinity);
    points.forEach((value, i) => {
      this.low[i % n] = Math.min(this.low[i % n], value);
      this.high[i % n] = Math.max(this.high[i % n], value);
    });
    this.least = this.low.reduce((least, value) => Math.min(least, value), 0);
    this.greatest = this.high.reduce((greatest, value) => Math.max(greatest, value), 0);
  }

  // The share of the axis at which a value stands, from 0 to 1 for the values in these points
  share(value, i) {
    const [low, high] = this.own ? [this.low[i], this.high[i]] : [this.least, this.greatest];
    return high > low ? (value - low) / (high - low) : 0.5;
  }

  // A number with the digits that tell values of its column apart
  write(value, i) {
    const spread = this.high[i] - this.low[i], size = Math.max(Math.abs(value), spread) || 1;
    const digits = Math.min(Math.max(5 + Math.floor(Math.log10(size / (spread || size))), 5), 17);
    return String(Number(value.toPrecision(digits)));
  }
}

const MOST_LETTERS = 100; // that are looked at

// A text that fits into so many pixels
function fitted(context, text, room) {
  const letters = Array.from(text.slice(0, 2 * MOST_LETTERS)).slice(0, MOST_LETTERS);
  if (text.length <= MOST_LETTERS && context.measureText(text).width <= room) return text;
  while (letters.length > 1 && context.measureText(letters.join("") + "…").width > room) letters.pop();
  return letters.join("") + "…";
}

// Two-dimensional data: all points in colours of their own, the chosen one ringed, the decoder's mean and its scale.
function drawScatter(canvas, points, colourOf, chosen, at, scale, [left, right, low, high], ranges, names) {
  const context = canvas.getContext("2d"), n = canvas.width, edge = 26, side = n - edge;
  const across = side / (right - left), up = side / (high - low), px = (v) => edge + (v - left) * across, py = (v) => (high - v) * up;
  context.clearRect(0, 0, n, n);
  context.font = "13px system-ui, sans-serif";
  context.fillStyle = context.strokeStyle = colour("faint");
  context.lineWidth = 1;
  context.strokeRect(edge, 0, side, side);
  const label = (i, first, last) => {
    for (const [align, place, value] of [["start", 0, first], ["end", side, last]]) {
      context.textAlign = align;
      context.fillText(ranges.write(value, i), place, 0);
    }
    context.textAlign = "center";
    context.fillText(fitted(context, names[i], 0.6 * side), side / 2, 0);
  };
  context.save();
  context.translate(edge, n - 8);
  label(0, left, right);
  context.restore();
  context.save();
  context.translate(18, side);
  context.rotate(-Math.PI / 2);
  label(1, low, high);
  context.restore();
  for (let i = 0; i < points.length; i += 2) dot(context, px(points[i]), py(points[i + 1]), 2.5, colourOf(i / 2));
  context.strokeStyle = colour("ink");
  context.lineWidth = 2;
  context.beginPath();
  context.arc(px(chosen[0]), py(chosen[1]), 7, 0, 2 * Math.PI);
  context.stroke();
  if (scale) {
    context.strokeStyle = colour("mark");
    context.beginPath();
    context.ellipse(px(at[0]), py(at[1]), scale[0] * across, scale[1] * up, 0, 0, 2 * Math.PI);
    context.stroke();
  }
  dot(context, px(at[0]), py(at[1]), 5, colour("mark"));
}

// Other data: a column for each number, the chosen point's as a line, the decoder's mean as a bar; names, if the columns
// have any, at as many as can be read.
function drawBars(canvas, x, at, ranges, names) {
  const context = canvas.getContext("2d"), n = x.length, w = canvas.width / n, foot = names.length ? 110 : 0, h = canvas.height - foot;
  const shares = [x, at].map((values) => Array.from(values, (value, i) => ranges.share(value, i)));
  let low = 0, high = 1;
  for (const values of shares) for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  const py = (value) => 8 + (h - 16) * (high - value) / (high - low), base = py(ranges.own ? 0 : ranges.share(0, 0));
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < n; i++) {
    const [line, bar] = [py(shares[0][i]), py(shares[1][i])];
    context.fillStyle = colour("density");
    context.fillRect(i * w + 0.15 * w, Math.min(bar, base), Math.max(0.7 * w, 1), Math.abs(bar - base));
    context.fillStyle = colour("mark");
    context.fillRect(i * w, line - 1, Math.max(w, 1), 2);
  }
  if (!foot) return;
  context.font = "13px system-ui, sans-serif";
  context.fillStyle = colour("faint");
  context.textAlign = "right";
  for (let i = 0; i < n; i += Math.ceil(15 / w)) {
    context.save();
    context.translate(Math.max((i + 0.5) * w + 4, 12), h + 4);
    context.rotate(-Math.PI / 2);
    context.fillText(fitted(context, names[i], foot - 8), 0, 0);
    context.restore();
  }
}
