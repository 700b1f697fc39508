"use strict";
// Sharp canvases, the style sheet's colours, and a frame with axes.

const AXIS_NAME = 12; // pixels for the name of the vertical axis

const PALETTE_NAMES = [
  "paper", "ink", "faint", "line", "panel", "rim", "density", "prior", "reconstruction", "kl", "regulariser", "sum", "mark",
];

// The style sheet's colours, read once for each frame
function palette() {
  const style = getComputedStyle(document.documentElement), found = {};
  for (const name of PALETTE_NAMES) found[name] = style.getPropertyValue(`--${name}`).trim();
  return found;
}

// A canvas's context in CSS pixels, cleared and sharp on every screen; null if the canvas is hidden.
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

// The part of a canvas inside the axes, and the place of a value in it
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

  // Two columns of rows * width numbers, as points (x, y) on the canvas
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

  // Ticks with numbers below and left of the frame, and the axes' names in the middle; no second axis if it has no name
  drawAxes(context, colours, names) {
    const { left, top, width, height, extent } = this;
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colours.faint;
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
    context.beginPath();
    const across = roundTicks(extent[0], extent[1], Math.max(3, Math.floor(width / 55)));
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

  // A long number is squeezed so that it never covers the name.
  drawUpAxis(context, unscaled) {
    const { left, top, height, extent } = this;
    const up = roundTicks(extent[2], extent[3], Math.max(3, Math.floor(height / 45)));
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
