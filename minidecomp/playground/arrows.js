"use strict";
// Arrows that show how the terms move the encodings. Colour and form tell them apart; all have the same scale.

const MOST_ARROWS = 60;
const USUAL_ARROW = 32; // pixels: the length of the 90th percentile, in a plane that is large enough
const LONGEST_ARROW = 2.5; // times USUAL_ARROW; longer ones are cut

// dash: that of the shaft; heads: their number; open: a head of two strokes
const ARROW_FORMS = {
  log_likelihood: { name: "reconstruction", colour: "reconstruction", dash: [], heads: 1, open: false },
  kl: { name: "beta KL", colour: "kl", dash: [7, 3], heads: 1, open: true },
  regulariser: { name: "alpha D", colour: "regulariser", dash: [1.5, 2.5], heads: 1, open: false },
  sum: { name: "their sum", colour: "sum", dash: [], heads: 2, open: true },
};

// The positions in the batch that get arrows: evenly spread over its points in the data's order, and the chosen point
function arrowPositions(rows, chosen, most) {
  const order = Array.from(rows, (_, at) => at).sort((a, b) => rows[a] - rows[b]); // the same points in every step
  const positions = Array.from(evenlySpread(order.length, most), (k) => order[k]), own = rows.indexOf(chosen);
  if (own >= 0 && !positions.includes(own)) positions.push(own);
  return positions;
}

// Each visible term's pull on loc, as B * D numbers; the sum is over all terms, visible or not.
function pullsToShow(pulls, shown) {
  const found = {}, terms = Object.keys(pulls);
  for (const term of terms) if (shown[term]) found[term] = pulls[term].loc;
  if (shown.sum && terms.length > 0) {
    found.sum = pulls[terms[0]].loc.map((_, i) => terms.reduce((sum, term) => sum + pulls[term].loc[i], 0));
  }
  return found;
}

// The length that 90 % of the arrows at these positions do not exceed; 0 if there are none.
function usualPull(pulls, positions, latentDim, dims) {
  const sizes = [];
  for (const pull of Object.values(pulls)) {
    for (const at of positions) sizes.push(Math.hypot(...dims.map((d) => pull[at * latentDim + d])));
  }
  const known = sizes.filter(Number.isFinite).sort((a, b) => a - b);
  return known.length > 0 ? known[Math.ceil(0.9 * known.length) - 1] : 0;
}

// The same in a small plane
function usualArrow(frame) {
  return Math.max(10, Math.min(USUAL_ARROW, 0.1 * Math.min(frame.width, frame.height)));
}

// A round number whose arrow on this scale (pixels for a nat per unit) is 20 to 50 pixels long
function roundPull(scale) {
  return roundStep(20 / scale);
}

// One arrow's shaft and heads as paths
function addArrow(shafts, heads, x, y, dx, dy, form) {
  const length = Math.hypot(dx, dy);
  if (length < 1.5) return;
  const ux = dx / length, uy = dy / length, head = Math.min(8, 0.6 * length + 1.5);
  const back = form.open ? 0 : head;
  shafts.moveTo(x, y);
  shafts.lineTo(x + dx - ux * back, y + dy - uy * back);
  for (let k = 0; k < form.heads; k++) {
    const tipX = x + dx - ux * k * 5, tipY = y + dy - uy * k * 5, wide = 0.5 * head;
    heads.moveTo(tipX - ux * head - uy * wide, tipY - uy * head + ux * wide);
    heads.lineTo(tipX, tipY);
    heads.lineTo(tipX - ux * head + uy * wide, tipY - uy * head - ux * wide);
    if (!form.open) heads.closePath();
  }
}

// A term's arrows from (x, y) along (dx, dy), drawn with two strokes in total
function drawArrows(context, colours, term, places, moves, width, longest) {
  const form = ARROW_FORMS[term], shafts = new Path2D(), heads = new Path2D();
  for (let i = 0; i < places.length; i += 2) {
    const part = Math.min(1, longest / (Math.hypot(moves[i], moves[i + 1]) || 1));
    addArrow(shafts, heads, places[i], places[i + 1], moves[i] * part, moves[i + 1] * part, form);
  }
  context.strokeStyle = context.fillStyle = colours[form.colour];
  context.lineWidth = width;
  context.setLineDash(form.dash);
  context.stroke(shafts);
  context.setLineDash([]);
  if (form.open) context.stroke(heads);
  else context.fill(heads);
}

// The latent plane's legend: q(z), p(z), a sample of each arrow, and the length that stands for a round number
class ArrowLegend {
  constructor(container) {
    this.box = newElement(container, "p", "arrow-legend");
    this.box.hidden = true; // until there is something to show
    this.density("q(z)", { d: "M1 1H15V11H1Z", fill: "var(--density)", "fill-opacity": 0.5 });
    this.rings = this.density("p(z): 50, 90 %", {
      d: "M11 6a3 3 0 1 0 -6 0a3 3 0 1 0 6 0M13.5 6a5.5 5.5 0 1 0 -11 0a5.5 5.5 0 1 0 11 0",
      fill: "none", stroke: "var(--prior)", "stroke-width": 1.25,
    });
    this.curve = this.density("p(z)", {
      d: "M1 11C6 11 5 2 8 2S10 11 15 11", fill: "none", stroke: "var(--prior)", "stroke-width": 2,
    });
    this.items = {};
    for (const term of Object.keys(ARROW_FORMS)) this.items[term] = this.item(term);
    this.measure = newElement(this.box, "span", "arrow-legend-item arrow-measure");
    this.bar = svg("svg", { width: 60, height: 12, "aria-hidden": "true" }, this.measure);
    this.line = svg("path", { fill: "none", stroke: "var(--ink)", "stroke-width": 1.5 }, this.bar);
    this.text = newElement(this.measure, "span");
  }

  density(name, form) {
    const item = newElement(this.box, "span", "arrow-legend-item");
    svg("path", form, svg("svg", { width: 16, height: 12, "aria-hidden": "true" }, item));
    newElement(item, "span", "", name);
    return item;
  }

  item(term) {
    const form = ARROW_FORMS[term], { open, heads } = form, stroke = `var(--${form.colour})`;
    const item = newElement(this.box, "span", "arrow-legend-item");
    const root = svg("svg", { viewBox: "0 0 40 12", class: "arrow-sample", "aria-hidden": "true" }, item);
    const dashes = { "stroke-width": 2, "stroke-dasharray": form.dash.join(" ") || "none" };
    svg("path", { d: open ? "M1 6H36" : "M1 6H29", stroke, ...dashes }, root);
    const head = (x) => `M${x - 8} 2L${x} 6L${x - 8} 10${open ? "" : "Z"}`;
    const d = Array.from({ length: heads }, (_, k) => head(37 - 5 * k)).join("");
    svg("path", { d, stroke, fill: open ? "none" : stroke, "stroke-width": open ? 2 : 0 }, root);
    newElement(item, "span", "", form.name);
    return item;
  }

  // flat: the latent space has one dimension, and p(z) is a curve
  show(terms, scale, longest, flat) {
    this.box.hidden = false;
    this.rings.hidden = flat;
    this.curve.hidden = !flat;
    for (const [term, item] of Object.entries(this.items)) item.hidden = !terms.includes(term);
    this.measure.hidden = terms.length === 0 || !(scale > 0);
    if (this.measure.hidden) return;
    const pull = roundPull(scale), length = pull * scale;
    this.bar.setAttribute("width", Math.ceil(length) + 6);
    this.line.setAttribute("d", `M1 2V10M1 6H${length.toFixed(1)}M${length.toFixed(1)} 2V10`);
    const cut = short(longest / scale);
    setText(this.text, `= ${short(pull)} ${pull === 1 ? "nat" : "nats"} per unit; arrows above ${cut} are cut`);
  }
}
