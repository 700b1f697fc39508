"use strict";
const MOST_NAMED = 100; // columns in the table
const MOST_CLASSES = 20; // in the legend

// The explorer: a point z in the latent space, and what follows from it.

class Explorer {
  constructor(model, objective) {
    this.model = model;
    this.objective = objective;
    this.trained = trainedModel(model);
    this.samples = 0; // drawn so far: each has a seed of its own
    if (model.given) model.given = { shift: doubles(model.given.shift), scale: doubles(model.given.scale) };
    const points = model.points, D = model.latent_dim;
    this.loc = floats(points.loc);
    this.scale = floats(points.scale);
    this.x = points.bytes ? Float64Array.from(byteValues(points.bytes), (v) => v / 255) : floats(points.floats);
    this.shownX = points.given ? doubles(points.given) : this.x; // a person's own digits
    this.ranges = model.image_shape ? null : new Ranges(this.shownX, model.data_dim, model.own_ranges);
    this.pulls = {};
    for (const [term, pull] of Object.entries(points.pulls)) this.pulls[term] = { loc: floats(pull.loc), scale: floats(pull.scale) };
    this.chosen = 0;
    this.z = new Float64Array(D);
    this.listeners = [];
    this.build();
    this.choose(0);
  }

  row(array, i = this.chosen) {
    const D = this.model.latent_dim;
    return array.slice(i * D, (i + 1) * D);
  }

  point(i = this.chosen) {
    return this.x.slice(i * this.model.data_dim, (i + 1) * this.model.data_dim);
  }

  // The same in the units of the data
  shownPoint() {
    return this.shownX.slice(this.chosen * this.model.data_dim, (this.chosen + 1) * this.model.data_dim);
  }

  choose(i) {
    this.chosen = i;
    this.moveTo(this.row(this.loc));
  }

  moveTo(z) {
    this.z = Float64Array.from(z);
    this.update();
  }

  // log p(x|z), log p(z), log q(z|x), each with its gradient by z
  terms() {
    const { trained, z } = this, { output, inputs } = trained.decoder.forward(trained.parameters, z, 1);
    const likelihood = LIKELIHOODS[trained.likelihood.name].valueAndGrad(trained.likelihood, this.point(), output, 1, trained.dataDim);
    const prior = PRIORS[trained.prior.name].logDensityAndGrad(trained.prior, z, 1);
    const q = { name: "gaussian", dims: z.length, loc: this.row(this.loc), scale: this.row(this.scale) };
    const posterior = PRIORS.gaussian.logDensityAndGrad(q, z, 1);
    return {
      output,
      likelihood: [likelihood.value[0], trained.decoder.backward(trained.parameters, inputs, likelihood.output, 1)],
      prior: [prior.value[0], prior.z],
      posterior: [posterior.value[0], posterior.z],
    };
  }

  // ---- the page's elements ----

  build() {
    const points = this.model.points, select = document.getElementById("point");
    for (let i = 0; i < points.count; i++) {
      const option = document.createElement("option");
      option.value = i;
      option.textContent = points.labels.length ? `${points.index[i]}: ${points.labels[i]}` : String(points.index[i]);
      select.appendChild(option);
    }
    select.addEventListener("change", () => this.choose(Number(select.value)));
    document.getElementById("to-loc").addEventListener("click", () => this.choose(this.chosen));
    document.getElementById("to-zero").addEventListener("click", () => this.moveTo(this.centre()));
    document.getElementById("to-sample").addEventListener("click", () => this.moveTo(this.nextSample()));
    this.buildSliders();
    if (this.model.plane) this.plane = new Plane(this);
    this.buildLegend();
    document.getElementById("columns-part").hidden = Boolean(this.model.image_shape);
    const what = this.model.image_shape ? "Left: the test point. Right: E[x|z], which the decoder makes of z."
      : this.model.data_dim === 2 ? "Dots: test points, the chosen one ringed. Red: E[x|z], with the likelihood's scale where it has one."
        : "Bars: E[x|z], which the decoder makes of z. Red lines: the test point."
          + (this.ranges.own ? " Each column goes from its least to its greatest value in the test points." : "");
    document.getElementById("output-caption").textContent = what;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.update());
  }

  // The colour of a test point's class; the usual one where there are no classes.
  classColour(i, usual) {
    const { classes } = this.model.points;
    return classes ? classes.colours[classes.codes[i]] : usual;
  }

  buildLegend() {
    const { classes } = this.model.points, legend = document.getElementById("classes");
    if (!classes || !(this.plane || this.model.data_dim === 2)) return;
    classes.names.slice(0, MOST_CLASSES).forEach((name, code) => {
      const item = document.createElement("span"), mark = document.createElement("i");
      mark.style.background = classes.colours[code];
      item.append(mark, name);
      legend.append(item);
    });
    const count = classes.names.length;
    if (count > MOST_CLASSES) legend.append(`${MOST_CLASSES} of ${count} classes`);
  }

  centre() {
    const { prior } = this.trained;
    return columnSums(prior.loc, prior.dims).map((sum) => sum / prior.components);
  }

  // z as `minidecomp sample` draws its first, with the next seed
  nextSample() {
    this.samples += 1;
    return samplePrior(this.trained.prior, 1, this.samples, streamAt("SAMPLE_Z"), streamAt("SAMPLE_CHOICE")).z;
  }

  buildSliders() {
    const parent = document.getElementById("sliders");
    this.sliders = this.model.shown.map((d) => {
      const { reach, q, p } = this.model.marginals[d], box = document.createElement("div");
      box.className = "slider";
      const label = document.createElement("label"), name = document.createElement("span"), value = document.createElement("output");
      name.textContent = `z${d + 1}, KL ${this.model.kl[d]}`;
      const input = document.createElement("input");
      Object.assign(input, { type: "range", min: -reach, max: reach, step: reach / 200, id: `z${d}` });
      label.htmlFor = value.htmlFor = input.id;
      label.append(name, value);
      const root = svg("svg", { viewBox: `0 0 ${q.length - 1} 30`, preserveAspectRatio: "none", role: "img",
        "aria-label": "shaded: aggregate posterior; line: prior" });
      const top = Math.min(Math.max(...q, ...p), 4 * Math.max(...q)) || 1, y = (value) => (30 - 28 * Math.min(value / top, 1)).toFixed(2);
      svg("path", { class: "q", d: `M0 30${q.map((value, i) => `L${i} ${y(value)}`).join("")}L${q.length - 1} 30Z` }, root);
      svg("path", { class: "p", d: p.map((value, i) => `${i ? "L" : "M"}${i} ${y(value)}`).join("") }, root);
      box.append(label, root, input);
      parent.appendChild(box);
      input.addEventListener("input", () => {
        this.z[d] = Number(input.value);
        this.update();
      });
      return { d, input, value };
    });
  }

  update() {
    const terms = this.terms();
    for (const { d, input, value } of this.sliders) {
      if (document.activeElement !== input || Math.abs(input.value - this.z[d]) > Number(input.step)) input.value = this.z[d];
      value.textContent = this.z[d].toFixed(3);
    }
    this.drawOutput(terms.output);
    this.writeNumbers(terms);
    if (this.plane) this.plane.draw(terms);
    document.getElementById("point").value = this.chosen;
  }

  drawOutput(output) {
    const canvas = document.getElementById("output"), { model, trained } = this, kind = LIKELIHOODS[trained.likelihood.name];
    const mean = kind.mean(output, 1, trained.dataDim);
    if (model.image_shape) {
      drawImages(canvas, [this.point(), mean], model.image_shape);
      return;
    }
    const x = this.shownPoint(), made = given(model, mean), scale = givenScale(model, kind.scale(output, 1, trained.dataDim));
    const names = Array.from(x.slice(0, MOST_NAMED), (_, i) => this.columnName(i));
    if (model.data_dim === 2) drawScatter(canvas, this.shownX, (i) => this.classColour(i, colour("faint")), x, made, scale, model.extent, this.ranges, names);
    else drawBars(canvas, x, made, this.ranges, model.columns);
    this.writeColumns(names, x, made, scale);
  }

  columnName(i) {
    return this.model.columns[i] || `x_${i}`;
  }

  // A point's numbers beside what the decoder makes, in the units of the data
  writeColumns(names, x, made, scale) {
    const head = ["", "test point", "E[x|z]", ...(scale ? ["scale"] : [])], { ranges } = this;
    fillTable("columns", names.map((name, i) => [name, ...[x, made, ...(scale ? [scale] : [])].map((values) => ranges.write(values[i], i))]), head);
    const left = this.model.data_dim - names.length, note = document.getElementById("columns-left-out");
    note.textContent = left > 0 ? `and ${left.toLocaleString("en")} more` : "";
  }

  writeNumbers({ likelihood, prior, posterior }) {
    const rows = [["log p(x|z)", likelihood[0]], ["log p(z)", prior[0]], ["log q(z|x)", posterior[0]],
      ["first + beta (second - third)", likelihood[0] + this.objective.beta * (prior[0] - posterior[0])]];
    fillTable("at-z", rows.map(([name, value]) => [name, value.toFixed(4)]));
    const d = this.model.shown;
    fillTable("by-z", d.map((i) => [`z${i + 1}`, ...[likelihood, prior, posterior].map(([, slope]) => slope[i].toFixed(3))]));
    const title = this.objective.kl_title, kl = title === "KL" ? "beta KL" : `beta (${title})`;
    const names = { log_likelihood: "reconstruction", kl, regulariser: "alpha D" };
    const head = ["", "loc", "scale", ...Object.keys(this.pulls).flatMap((term) => [`${names[term]} by loc`, "by scale"])];
    const loc = this.row(this.loc), scale = this.row(this.scale), body = d.map((i) => {
      const pulls = Object.values(this.pulls).flatMap((pull) => [this.row(pull.loc)[i].toFixed(3), this.row(pull.scale)[i].toFixed(3)]);
      return [`z${i + 1}`, loc[i].toFixed(3), scale[i].toFixed(3), ...pulls];
    });
    fillTable("pulls", body, head);
  }
}

function fillTable(id, rows, head) {
  const table = document.getElementById(id);
  table.replaceChildren();
  if (head) {
    const line = table.insertRow();
    for (const text of head) {
      const cell = document.createElement("th");
      cell.textContent = text;
      line.appendChild(cell);
    }
  }
  for (const row of rows) {
    const line = table.insertRow();
    row.forEach((text, i) => {
      const cell = document.createElement(i === 0 ? "th" : "td");
      if (i === 0) cell.scope = "row";
      cell.textContent = text;
      line.appendChild(cell);
    });
  }
}

// The latent plane of a model with two latent dimensions.
class Plane {
  constructor(explorer) {
    this.explorer = explorer;
    this.canvas = document.getElementById("plane");
    document.getElementById("plane-figure").hidden = false;
    const { plane } = explorer.model;
    this.extent = plane.extent;
    this.size = plane.size;
    this.q = byteValues(plane.q);
    this.prior = this.priorContours();
    const follow = (event) => {
      const box = this.canvas.getBoundingClientRect();
      explorer.moveTo(this.place((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height));
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.canvas.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
    this.canvas.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!move) return;
      event.preventDefault();
      const step = (this.extent[1] - this.extent[0]) / (event.shiftKey ? 400 : 40);
      explorer.moveTo([explorer.z[0] + step * move[0], explorer.z[1] + step * move[1]]);
    });
  }

  place(u, v) {
    const [left, right, low, high] = this.extent;
    return [left + u * (right - left), high - v * (high - low)];
  }

  pixel(z1, z2) {
    const [left, right, low, high] = this.extent, n = this.canvas.width;
    return [(z1 - left) / (right - left) * n, (high - z2) / (high - low) * n];
  }

  // Lines that hold 50 and 90 percent of the prior, cell by cell between the points of a grid.
  priorContours() {
    const n = this.size, z = new Float64Array(2 * n * n), path = new Path2D(), { prior } = this.explorer.trained;
    for (let at = 0; at < n * n; at++) z.set(this.place(at % n / (n - 1), 1 - Math.floor(at / n) / (n - 1)), 2 * at);
    const p = PRIORS[prior.name].logDensity(prior, z, n * n).map(Math.exp);
    const sorted = Float64Array.from(p).sort().reverse(), total = sorted.reduce((a, b) => a + b, 0);
    for (const share of [0.5, 0.9]) {
      let sum = 0, at = 0;
      while (at < sorted.length - 1 && (sum += sorted[at]) < share * total) at++;
      this.contour(p, sorted[at], path);
    }
    return path;
  }

  // The line on which p has a level
  contour(p, level, path) {
    const n = this.size, unit = this.canvas.width / (n - 1), pieces = contourPieces(p, n, level);
    const pixel = (at) => [pieces[at] * unit, (n - 1 - pieces[at + 1]) * unit];
    for (let at = 0; at < pieces.length; at += 4) {
      path.moveTo(...pixel(at));
      path.lineTo(...pixel(at + 2));
    }
  }

  draw({ likelihood, prior, posterior }) {
    const { canvas, explorer, size: n } = this, context = canvas.getContext("2d");
    const small = document.createElement("canvas"), paper = rgb("panel"), ink = rgb("density");
    small.width = small.height = n;
    const pixels = small.getContext("2d").createImageData(n, n);
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < n; i++) {
        const share = this.q[j * n + i] / 255;
        pixels.data.set([...paper.map((value, k) => value + share * (ink[k] - value)), 255], 4 * ((n - 1 - j) * n + i));
      }
    }
    small.getContext("2d").putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    context.strokeStyle = colour("prior");
    context.lineWidth = 1.5;
    context.stroke(this.prior);
    for (let i = 0; i < explorer.model.points.count; i++) {
      dot(context, ...this.pixel(...explorer.row(explorer.loc, i)), explorer.model.points.classes ? 3 : 2, explorer.classColour(i, colour("ink")));
    }
    const loc = explorer.row(explorer.loc), scale = explorer.row(explorer.scale), unit = canvas.width / (this.extent[1] - this.extent[0]);
    context.strokeStyle = colour("ink");
    context.lineWidth = 2;
    context.beginPath();
    context.arc(...this.pixel(...loc), 6, 0, 2 * Math.PI);
    context.stroke();
    context.beginPath();
    context.ellipse(...this.pixel(...loc), scale[0] * unit, scale[1] * unit, 0, 0, 2 * Math.PI);
    context.stroke();
    const [x, y] = this.pixel(...explorer.z), beta = explorer.objective.beta;
    const pulls = [["reconstruction", likelihood[1]], ["kl", prior[1].map((value, i) => beta * (value - posterior[1][i]))]];
    const longest = Math.max(...pulls.map(([, d]) => Math.hypot(d[0], d[1])), 1e-12);
    for (const [name, d] of pulls) arrow(context, x, y, 70 * d[0] / longest, -70 * d[1] / longest, colour(name));
    dot(context, x, y, 5, colour("mark"));
  }
}
