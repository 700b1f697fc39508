"use strict";
// Small line charts over epochs: round ticks, the raw curve faint behind a lightly smoothed one, chips for several lines.

const CHART_WIDTH = 340, CHART_HEIGHT = 170;
const CHART_FRAME = { left: 52, top: 6, right: 8, bottom: 34 };
const LEAST_SMOOTHED = 30; // epochs; shorter curves are not smoothed
const SMOOTHED_SHARE = 50; // a window reaches a fiftieth of the curve to each side
const LEAST_SHARE = 1 / 3; // of the axis that the middle 98 % of the values take, otherwise the axis is cut
const DASHES = ["", "7 3", "2 3"]; // of the lines of one chart, so that they also differ in grey

// The mean of each value and its neighbours: equally many on both sides, at most `half`. So both ends keep their values.
function smoothed(values, half) {
  return values.map((value, i) => {
    if (value === null) return null;
    const reach = Math.min(half, i, values.length - 1 - i);
    const near = values.slice(i - reach, i + reach + 1).filter((each) => each !== null);
    return near.reduce((sum, each) => sum + each, 0) / near.length;
  });
}

// How far the smoothing of a curve reaches to each side, in values; 0 for one that is left as it is
function smoothingReach(values) {
  return values.length < LEAST_SMOOTHED ? 0 : Math.max(1, Math.floor(values.length / SMOOTHED_SHARE));
}

// The axis [low, high] for values, and how many of them lie outside. These are the few that would flatten all others;
// if `whole`, none are.
function shownRange(values, whole = false) {
  const sorted = Float64Array.from(values).sort(), n = sorted.length, rim = Math.floor(0.01 * n);
  let [low, high] = [sorted[0], sorted[n - 1]];
  const [inner, outer] = [sorted[rim], sorted[n - 1 - rim]];
  if (!whole && outer > inner && outer - inner < LEAST_SHARE * (high - low)) {
    low = Math.max(low, inner - 0.5 * (outer - inner));
    high = Math.min(high, outer + 0.5 * (outer - inner));
  }
  const outside = values.filter((value) => value < low || value > high).length;
  const room = high - low > 1e-12 * Math.max(Math.abs(low), Math.abs(high), 1) ? 0.04 * (high - low) : 0.5;
  return { low: low - room, high: high + room, outside };
}

// Ticks of a logarithmic axis from 10^low to 10^high, as exponents: powers of ten, with 2 and 5 between if they are few
function logTicks(low, high) {
  const powers = roundTicks(low, high, 5).filter(Number.isInteger);
  if (powers.length > 1) return powers;
  const ticks = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const part of [1, 2, 5]) ticks.push(power + Math.log10(part));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

// One panel. Each of `lines` has a name, values (null if missing), the name of a colour and, if they differ from the
// panel's, its epochs. `logarithmic` is about the axis; if `exact`, nothing is smoothed.
function chart(parent, title, epochs, lines, { logarithmic = false, exact = false } = {}) {
  const usable = (value) => value !== null && (!logarithmic || value > 0);
  const known = lines.filter(({ values }) => values.some(usable));
  if (known.length === 0 || epochs.length === 0) return;
  const map = (value) => (!usable(value) ? null : logarithmic ? Math.log10(value) : value);
  const drawn = known.map((line) => ({ ...line, values: line.values.map(map) }));
  const range = shownRange(drawn.flatMap(({ values }) => values.filter((value) => value !== null)), exact);
  const box = newElement(parent, "div", "curve");
  newElement(box, "h3", "", title);
  if (known.length > 1) chartLegend(box, drawn);
  const root = svg("svg", { viewBox: `0 0 ${CHART_WIDTH} ${CHART_HEIGHT}`, class: "plot", role: "img", "aria-label": `${title} over epochs` }, box);
  const frame = chartFrame(epochs, range);
  chartAxes(root, frame, epochs, range, logarithmic);
  drawn.forEach((line, i) => {
    const reach = exact || line.epochs ? 0 : smoothingReach(line.values), along = line.epochs || epochs;
    if (reach > 0) chartLine(root, frame, along, line.values, line.colour, "", "raw");
    chartLine(root, frame, along, reach > 0 ? smoothed(line.values, reach) : line.values, line.colour, DASHES[i]);
  });
  if (range.outside > 0) newElement(box, "p", "faint", `${range.outside} of the values lie outside the axis and are drawn at its edge.`);
}

function chartLegend(box, lines) {
  const chips = newElement(box, "p", "chips");
  lines.forEach(({ name, colour: stroke }, i) => {
    const path = { d: "M0 6H22", stroke: `var(--${stroke})`, "stroke-width": 2, fill: "none" };
    chip(chips, name, [["path", DASHES[i] ? { ...path, "stroke-dasharray": DASHES[i] } : path]]);
  });
}

function chartFrame(epochs, { low, high }) {
  const { left, top, right, bottom } = CHART_FRAME, first = epochs[0], last = epochs[epochs.length - 1];
  const extent = last > first ? [first, last, low, high] : [first - 0.5, first + 0.5, low, high];
  return new PlotFrame(left, top, CHART_WIDTH - left - right, CHART_HEIGHT - top - bottom, extent);
}

function chartAxes(root, frame, epochs, { low, high }, logarithmic) {
  const { left, top, width, height, extent } = frame, foot = top + height;
  const up = logarithmic ? logTicks(low, high) : roundTicks(low, high, 4);
  const texts = logarithmic ? up.map((tick) => short(10 ** tick)) : up.map((tick) => tickText(tick, up));
  up.forEach((value, i) => {
    svg("line", { x1: left, x2: left + width, y1: frame.py(value), y2: frame.py(value) }, root);
    svg("text", { x: left - 5, y: frame.py(value) + 4, "text-anchor": "end" }, root).textContent = texts[i];
  });
  const across = epochs.length > 1 ? roundTicks(extent[0], extent[1], 6).filter(Number.isInteger) : epochs;
  svg("line", { x1: left, x2: left + width, y1: foot, y2: foot }, root);
  for (const value of across) {
    const x = frame.px(value);
    svg("line", { x1: x, x2: x, y1: foot, y2: foot + 4 }, root);
    svg("text", { x: Math.min(x, left + width), y: foot + 15, "text-anchor": "middle" }, root).textContent = tickText(value, across);
  }
  svg("text", { x: left + width / 2, y: CHART_HEIGHT - 4, "text-anchor": "middle" }, root).textContent = "epoch";
}

function chartLine(root, frame, along, values, stroke, dashes, kind) {
  let path = "", begun = false;
  values.forEach((value, i) => {
    if (value !== null) {
      const y = Math.min(Math.max(frame.py(value), frame.top), frame.top + frame.height);
      path += `${begun ? "L" : "M"}${frame.px(along[i]).toFixed(1)} ${y.toFixed(1)}`;
    }
    begun = value !== null;
  });
  const isPoint = !path.includes("L");
  const line = svg("path", { d: isPoint ? `${path}h0.01` : path, stroke: `var(--${stroke})` }, root);
  if (kind) line.setAttribute("class", kind);
  if (isPoint) line.setAttribute("stroke-linecap", "round");
  if (isPoint) line.style.strokeWidth = "6";
  if (dashes && !isPoint) line.setAttribute("stroke-dasharray", dashes);
}
