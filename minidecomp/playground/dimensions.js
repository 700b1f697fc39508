"use strict";
// For more than two latent dimensions: what each of them carries, and which two the plane shows.

// The two dimensions shown after a press: the pressed one replaces the one that has been shown longer.
// The two dimensions whose means spread most, in order; those already shown stay unless they spread much less.
function mostSpreadDims(spread, shown) {
  const order = Array.from(spread, (_, d) => d).sort((a, b) => spread[b] - spread[a]).slice(0, 2).sort((a, b) => a - b);
  const least = (dims) => Math.min(...dims.map((d) => spread[d]));
  return least(order) > 1.5 * least(shown) ? order : shown;
}

function dimsAfterPress(dims, pressed) {
  return dims.includes(pressed) ? dims : [dims[1], pressed];
}

class Dimensions {
  constructor(container, { onDims }) {
    this.container = newElement(container, "div", "dimensions");
    this.onDims = onDims;
    this.rows = [];
  }

  draw(snapshot, view) {
    const { kl, spread, outside } = snapshot.dimensions, count = snapshot.options.latent_dim;
    this.container.hidden = count <= 2;
    if (count <= 2) return;
    if (this.rows.length !== count || this.withOutside !== Boolean(outside)) this.build(count, Boolean(outside));
    this.dims = view.dims;
    const columns = [[kl, "nats"], [spread, ""], ...(outside ? [[outside, "%"]] : [])];
    const tops = columns.map(([values, unit]) => (unit === "%" ? 1 : Math.max(...values, 1e-9)));
    this.rows.forEach(({ button, cells }, d) => {
      const pressed = String(view.dims.includes(d));
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
      cells.forEach(({ bar, number }, k) => {
        const [values, unit] = columns[k];
        bar.style.width = `${100 * Math.min(Math.max(values[d] / tops[k], 0), 1)}%`;
        setText(number, unit === "%" ? `${Math.round(100 * values[d])} %` : signedText(values[d]));
      });
    });
  }

  build(count, withOutside) {
    this.withOutside = withOutside;
    this.container.replaceChildren();
    const table = newElement(this.container, "table", "bars"), head = newElement(table, "thead").insertRow();
    newElement(table, "caption", "", "Press two latent dimensions to see them in the plane");
    const columns = [["mean KL", "kl"], ["spread of the means", "density"]];
    if (withOutside) columns.push(["outside the spike", "regulariser"]);
    for (const name of ["shown", ...columns.map(([each]) => each)]) newElement(head, "th", "", name).scope = "col";
    const body = newElement(table, "tbody");
    this.rows = Array.from({ length: count }, (_, d) => this.row(body, d, columns));
  }

  row(body, d, columns) {
    const line = body.insertRow(), head = newElement(line, "th");
    head.scope = "row";
    const button = newElement(head, "button", "dimension-button", `z${d + 1}`);
    button.type = "button";
    button.addEventListener("click", () => {
      const dims = dimsAfterPress(this.dims, d);
      if (dims !== this.dims) this.onDims(dims);
    });
    const cells = columns.map(([, kind]) => {
      const cell = newElement(newElement(line, "td"), "div", "dimension-cell");
      const track = newElement(cell, "div", "bar-track");
      track.setAttribute("aria-hidden", "true");
      const bar = newElement(track, "div", "bar");
      bar.style.background = `var(--${kind})`;
      return { bar, number: newElement(cell, "span", "bar-number") };
    });
    return { button, cells };
  }
}
