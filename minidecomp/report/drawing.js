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

// Two-dimensional data: all points faint, the chosen one ringed, the decoder's mean and its scale.
function drawScatter(canvas, points, chosen, at, scale) {
  const context = canvas.getContext("2d"), n = canvas.width;
  let reach = 1e-9;
  for (const value of points) reach = Math.max(reach, Math.abs(value));
  reach *= 1.15;
  const px = (v) => (v / reach + 1) * n / 2, py = (v) => (1 - v / reach) * n / 2;
  context.clearRect(0, 0, n, n);
  for (let i = 0; i < points.length; i += 2) dot(context, px(points[i]), py(points[i + 1]), 2.5, colour("faint"));
  context.strokeStyle = colour("ink");
  context.lineWidth = 2;
  context.beginPath();
  context.arc(px(chosen[0]), py(chosen[1]), 7, 0, 2 * Math.PI);
  context.stroke();
  if (scale) {
    context.strokeStyle = colour("mark");
    context.beginPath();
    context.ellipse(px(at[0]), py(at[1]), scale[0] / reach * n / 2, scale[1] / reach * n / 2, 0, 0, 2 * Math.PI);
    context.stroke();
  }
  dot(context, px(at[0]), py(at[1]), 5, colour("mark"));
}

// Other data: a column for each number, the chosen point's as a line, the decoder's mean as a bar.
function drawBars(canvas, x, at) {
  const context = canvas.getContext("2d"), n = x.length, w = canvas.width / n, h = canvas.height;
  let low = 0, high = 0;
  for (const values of [x, at]) for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  const py = (value) => 8 + (h - 16) * (high - value) / (high - low || 1);
  context.clearRect(0, 0, canvas.width, h);
  for (let i = 0; i < n; i++) {
    context.fillStyle = colour("density");
    context.fillRect(i * w + 0.15 * w, Math.min(py(at[i]), py(0)), Math.max(0.7 * w, 1), Math.abs(py(at[i]) - py(0)));
    context.fillStyle = colour("mark");
    context.fillRect(i * w, py(x[i]) - 1, Math.max(w, 1), 2);
  }
}
