"use strict";
// Marks on canvases. Their colours come from the style sheet, the only place that handles dark mode.

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

const MOST_LETTERS = 100; // more characters are never measured

// A text cut to fit into a number of pixels
function fitted(context, text, room) {
  const letters = Array.from(text.slice(0, 2 * MOST_LETTERS)).slice(0, MOST_LETTERS);
  if (text.length <= MOST_LETTERS && context.measureText(text).width <= room) return text;
  while (letters.length > 1 && context.measureText(letters.join("") + "…").width > room) letters.pop();
  return letters.join("") + "…";
}
