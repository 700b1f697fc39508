"use strict";
// A slider for each latent dimension, with the densities q(z_d) and p(z_d) over it and the test points' means below.

const DENSITY_HEIGHT = 30, RUG_HEIGHT = 8;

class Sliders {
  constructor(explorer) {
    this.explorer = explorer;
    const parent = document.getElementById("sliders"), { shown, latent_dim: count, points } = explorer.model;
    parent.classList.toggle("single", shown.length === 1);
    this.all = shown.map((d) => this.build(parent, d));
    chips("slider-chips", [
      ["q(z_d), aggregate posterior", MARKS.area("density")],
      ["p(z_d), prior", MARKS.line("prior")],
      [`posterior means of test points${points.classes ? ", in the colours of their classes" : ""}`, MARKS.ticks("ink")],
    ]);
    if (shown.length < count) {
      newElement(parent, "p", "faint", `The ${shown.length} of ${count} dimensions with the largest KL. The buttons set the others.`);
    }
  }

  build(parent, d) {
    const { explorer } = this, { reach, q, p } = explorer.model.marginals[d], box = newElement(parent, "div", "slider");
    const label = newElement(box, "label"), name = newElement(label, "span"), value = newElement(label, "output");
    name.textContent = `z${d + 1}, KL ${explorer.model.kl[d]} nats`;
    this.drawDensities(box, q, p, d, reach);
    const input = newElement(box, "input");
    Object.assign(input, { type: "range", min: -reach, max: reach, step: reach / 200, id: `z${d}` });
    label.htmlFor = input.id;
    value.setAttribute("for", input.id);
    const ticks = newElement(box, "div", "slider-ticks"), places = roundTicks(-reach, reach, 5);
    for (const place of places) {
      newElement(ticks, "span", "", tickText(place, places)).style.left = `${50 + 50 * place / reach}%`;
    }
    input.addEventListener("input", () => explorer.moveOne(d, Number(input.value)));
    return { d, input, value };
  }

  drawDensities(box, q, p, d, reach) {
    const last = q.length - 1, height = DENSITY_HEIGHT;
    const root = svg("svg", { viewBox: `0 0 ${last} ${height + RUG_HEIGHT + 2}`, preserveAspectRatio: "none", role: "img",
      "aria-label": `Densities of z${d + 1}: shaded, the aggregate posterior; line, the prior; marks below, test points` }, box);
    const top = Math.min(Math.max(...q, ...p), 4 * Math.max(...q)) || 1;
    const y = (value) => (height - (height - 2) * Math.min(value / top, 1)).toFixed(2);
    svg("path", { class: "q", d: `M0 ${height}${q.map((value, i) => `L${i} ${y(value)}`).join("")}L${last} ${height}Z` }, root);
    svg("path", { class: "p", d: p.map((value, i) => `${i ? "L" : "M"}${i} ${y(value)}`).join("") }, root);
    this.drawRug(root, d, (z) => (last * (z + reach) / (2 * reach)).toFixed(2), last);
  }

  drawRug(root, d, across, last) {
    const { explorer } = this, paths = new Map();
    for (let i = 0; i < explorer.model.points.count; i++) {
      const x = across(explorer.row(explorer.loc, i)[d]), stroke = explorer.classColour(i, "var(--ink)");
      if (x >= 0 && x <= last) paths.set(stroke, `${paths.get(stroke) || ""}M${x} ${DENSITY_HEIGHT + 2}v${RUG_HEIGHT}`);
    }
    for (const [stroke, path] of paths) svg("path", { class: "rug", d: path, stroke }, root);
  }

  // A slider that a person moves keeps its place, unless z is elsewhere by more than a step.
  show(z) {
    for (const { d, input, value } of this.all) {
      if (document.activeElement !== input || Math.abs(input.value - z[d]) > Number(input.step)) input.value = z[d];
      value.textContent = signed(z[d]);
    }
  }
}
