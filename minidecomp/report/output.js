"use strict";
// What the decoder makes of z, drawn beside the test point.

// Images side by side, grey or in colour. They share one range of values, which includes 0 to 1.
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

// The least and the greatest value of each of n columns of points. Each has its own axis (`own`), or all share one.
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

const OUTPUT_ROOM = { left: 46, top: 6, right: 6, bottom: 34 };
const NAMES_FONT = "12px system-ui, sans-serif";
const LARGEST_NAMES = 0.45; // of the picture's height, for the columns' names below the bars
const NAME_WIDTH = 15; // pixels that a name takes across

function outputFrame({ width, height }, extent, foot = OUTPUT_ROOM.bottom, side = OUTPUT_ROOM.left) {
  const { top, right } = OUTPUT_ROOM;
  return new PlotFrame(side, top, width - side - right, height - top - foot, extent);
}

// Two-dimensional data: all test points with the marks of their classes, the chosen one ringed, and the decoder's mean
// with its scale, if it has one
function drawScatter(canvas, { points, drawPoint, chosen, at, scale }, extent, names) {
  const cleared = clearedContext(canvas);
  if (!cleared) return;
  const { context } = cleared, frame = outputFrame(cleared, extent), colours = palette();
  const radius = frame.width < 250 ? 2 : 3;
  context.save();
  frame.clip(context);
  for (let i = 0; i < points.length; i += 2) {
    drawPoint(context, i / 2, frame.px(points[i]), frame.py(points[i + 1]), radius, colours.faint, colours.rim);
  }
  context.lineWidth = 2;
  const ellipse = (centre, rx, ry, stroke) => {
    context.strokeStyle = stroke;
    context.beginPath();
    context.ellipse(frame.px(centre[0]), frame.py(centre[1]), rx, ry, 0, 0, 2 * Math.PI);
    context.stroke();
  };
  ellipse(chosen, 7, 7, colours.ink);
  if (scale) ellipse(at, scale[0] * frame.across, scale[1] * frame.up, colours.mark);
  dot(context, frame.px(at[0]), frame.py(at[1]), 6, colours.paper);
  dot(context, frame.px(at[0]), frame.py(at[1]), 5, colours.mark);
  context.restore();
  frame.drawAxes(context, colours, names);
}

// Other data: a column for each number, the decoder's mean as a bar and the test point as a line. One axis for all
// columns has ticks; columns with their own axes have none.
function drawBars(canvas, x, at, ranges, names) {
  const cleared = clearedContext(canvas);
  if (!cleared) return;
  const { context } = cleared, n = x.length, foot = namesHeight(cleared, names);
  const shown = ranges.own ? [x, at].map((values) => Array.from(values, (value, i) => ranges.share(value, i))) : [x, at];
  const all = [...shown[0], ...shown[1]];
  const low = Math.min(ranges.own ? 0 : ranges.least, ...all), high = Math.max(ranges.own ? 1 : ranges.greatest, ...all);
  const colours = palette(), frame = outputFrame(cleared, [0, n, low, high > low ? high : low + 1], foot, ranges.own ? 6 : undefined);
  drawBarAxis(context, colours, frame, ranges.own);
  const base = frame.py(ranges.own ? 0 : Math.max(low, Math.min(high, 0)));
  for (let i = 0; i < n; i++) {
    const left = frame.px(i), w = frame.across, [line, bar] = [frame.py(shown[0][i]), frame.py(shown[1][i])];
    context.fillStyle = colours.density;
    context.fillRect(left + 0.15 * w, Math.min(bar, base), Math.max(0.7 * w, 1), Math.abs(bar - base));
    context.fillStyle = colours.mark;
    context.fillRect(left, line - 1, Math.max(w, 1), 2.5);
  }
  if (names.length) drawColumnNames(context, colours, frame, names, foot);
}

function drawBarAxis(context, colours, frame, own) {
  const { left, top, width, height, extent } = frame;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  if (own) return;
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colours.faint;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const up = roundTicks(extent[2], extent[3], Math.max(2, Math.floor(height / 45)));
  context.beginPath();
  for (const value of up) {
    context.moveTo(left, frame.py(value));
    context.lineTo(left + width, frame.py(value));
    context.fillText(tickText(value, up), left - 4, frame.py(value), left - 6);
  }
  context.stroke();
}

function namesHeight({ context, height }, names) {
  context.font = NAMES_FONT;
  const longest = Math.max(0, ...names.map((name) => context.measureText(name.slice(0, MOST_LETTERS)).width));
  return Math.min(longest + 12, LARGEST_NAMES * height);
}

// Names at as many columns as can be read
function drawColumnNames(context, colours, frame, names, foot) {
  context.font = NAMES_FONT;
  context.fillStyle = colours.faint;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (let i = 0; i < names.length; i += Math.ceil(NAME_WIDTH / frame.across)) {
    context.save();
    context.translate(Math.max(frame.px(i + 0.5), 8), frame.top + frame.height + 4);
    context.rotate(-Math.PI / 2);
    context.fillText(fitted(context, names[i], foot - 8), 0, 0);
    context.restore();
  }
}
