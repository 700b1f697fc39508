"use strict";

const MOST_NAMED = 100; // columns in the table
const MOST_CLASSES = 20; // in the legend

// The explorer: a point z in the latent space, and what follows from it.

// A number of the tables, with a minus sign as wide as a digit
function signed(value, digits = 3) {
  return value.toFixed(digits).replace("-", "−");
}

class Explorer {
  constructor(model, objective) {
    this.model = model;
    this.objective = objective;
    this.trained = trainedModel(model);
    this.samples = 0; // drawn so far; each has its own seed
    if (model.given) model.given = { shift: doubles(model.given.shift), scale: doubles(model.given.scale) };
    const points = model.points, D = model.latent_dim;
    this.loc = floats(points.loc);
    this.scale = floats(points.scale);
    this.x = points.bytes ? Float64Array.from(byteValues(points.bytes), (v) => v / 255) : floats(points.floats);
    this.shownX = points.given ? doubles(points.given) : this.x; // with the file's digits
    this.ranges = model.image_shape ? null : new Ranges(this.shownX, model.data_dim, model.own_ranges);
    this.pulls = {};
    for (const [term, pull] of Object.entries(points.pulls)) this.pulls[term] = { loc: floats(pull.loc), scale: floats(pull.scale) };
    this.chosen = 0;
    this.z = new Float64Array(D);
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

  moveOne(d, value) {
    this.z[d] = value;
    this.update();
  }

  // log p(x|z), log p(z) and log q(z|x), each with its gradient with respect to z
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
    this.sliders = new Sliders(this);
    if (this.model.plane) this.plane = new Plane(this);
    document.getElementById("views").classList.toggle("alone", !this.plane);
    this.buildLegend();
    this.describeOutput();
    this.follow();
  }

  // What the decoder's picture shows: headings, chips, and a sentence where one is needed
  describeOutput() {
    const { model, ranges } = this, title = document.getElementById("output-title"), canvas = document.getElementById("output");
    document.getElementById("columns-part").hidden = Boolean(model.image_shape);
    canvas.classList.toggle("chart", !model.image_shape);
    if (model.image_shape) {
      for (const text of ["Test point", "E[x|z], the decoder's mean"]) newElement(title, "span", "", text);
      return;
    }
    title.textContent = "Decoder's output";
    const isPlane = model.data_dim === 2, hasScale = Boolean(LIKELIHOODS[model.likelihood].scale(this.terms().output, 1, model.data_dim));
    chips("output-chips", isPlane ? [
      ...(model.points.classes ? [] : [["test points", MARKS.dot("faint")]]),
      ["the chosen one", MARKS.ring("ink")],
      ["E[x|z], the decoder's mean", MARKS.dot("mark")],
      ...(hasScale ? [["the likelihood's scale", MARKS.ellipse("mark")]] : []),
    ] : [["E[x|z], the decoder's mean", MARKS.area("density")], ["the test point", MARKS.line("mark")]]);
    if (!isPlane && ranges.own) {
      document.getElementById("output-caption").textContent = "Each column has its own axis, from its smallest to its largest value in the test points.";
    }
  }

  // Draws again when the colours or the sizes change; printed pages are light and have their details open.
  follow() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.update());
    new ResizeObserver(() => this.update()).observe(document.getElementById("views"));
  }

  // The colour of a test point's class; the usual colour if there are no classes.
  classColour(i, usual) {
    const { classes } = this.model.points;
    return classes ? classes.colours[classes.codes[i]] : usual;
  }

  drawPoint(context, i, x, y, radius, usual, rim) {
    const { classes } = this.model.points, shape = classes ? classes.shapes[classes.codes[i]] : "o";
    drawMark(context, markStamp(shape, radius, this.classColour(i, usual), rim), x, y);
  }

  buildLegend() {
    const { classes } = this.model.points, legend = document.getElementById("classes");
    if (!classes) return;
    classes.names.slice(0, MOST_CLASSES).forEach((name, code) => {
      const item = newElement(legend, "span", "chip");
      classMark(item, classes.shapes[code], classes.colours[code]);
      newElement(item, "span", "", name).title = name;
    });
    const count = classes.names.length;
    if (count > MOST_CLASSES) newElement(legend, "span", "faint", `${MOST_CLASSES} of ${count} classes`);
  }

  centre() {
    const { prior } = this.trained;
    return columnSums(prior.loc, prior.dims).map((sum) => sum / prior.components);
  }

  // z as the first sample of `minidecomp sample`, with the next seed
  nextSample() {
    this.samples += 1;
    return samplePrior(this.trained.prior, 1, this.samples, streamAt("SAMPLE_Z"), streamAt("SAMPLE_CHOICE")).z;
  }

  update() {
    const terms = this.terms();
    this.sliders.show(this.z);
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
    if (model.data_dim === 2) drawScatter(canvas, { points: this.shownX, drawPoint: (...given) => this.drawPoint(...given), chosen: x, at: made, scale }, model.extent, names);
    else drawBars(canvas, x, made, this.ranges, model.columns);
    this.writeColumns(names, x, made, scale);
  }

  columnName(i) {
    return this.model.columns[i] || `x_${i}`;
  }

  // A point's numbers beside the decoder's, in the units of the data
  writeColumns(names, x, made, scale) {
    const head = ["", "test point", "E[x|z]", ...(scale ? ["scale"] : [])], { ranges } = this;
    fillTable("columns", names.map((name, i) => [name, ...[x, made, ...(scale ? [scale] : [])].map((values) => ranges.write(values[i], i).replace(/-/g, "−"))]), head);
    const left = this.model.data_dim - names.length, note = document.getElementById("columns-left-out");
    note.textContent = left > 0 ? `and ${left.toLocaleString("en")} more` : "";
  }

  writeNumbers({ likelihood, prior, posterior }) {
    const { beta } = this.objective, kl = "log p(z) − log q(z|x)";
    const rows = [["log p(x|z)", likelihood[0]], ["log p(z)", prior[0]], ["log q(z|x)", posterior[0]]];
    if (beta !== 0) {
      const sum = `log p(x|z) + ${beta === 1 ? kl : `${beta} (${kl})`}`;
      rows.push([sum, likelihood[0] + beta * (prior[0] - posterior[0])]);
    }
    fillTable("at-z", rows.map(([name, value]) => [name, signed(value, 4)]));
    const d = this.model.shown;
    fillTable("by-z", d.map((i) => [`z${i + 1}`, ...[likelihood, prior, posterior].map(([, slope]) => signed(slope[i]))]));
    const title = this.objective.kl_title, names = { log_likelihood: "reconstruction", kl: title === "KL" ? "beta KL" : `beta (${title})`, regulariser: `alpha ${this.objective.D}` };
    const head = ["", "loc", "scale", ...Object.keys(this.pulls).flatMap((term) => [`${names[term]}: loc`, "scale"])];
    const loc = this.row(this.loc), scale = this.row(this.scale), body = d.map((i) => {
      const pulls = Object.values(this.pulls).flatMap((pull) => [signed(this.row(pull.loc)[i]), signed(this.row(pull.scale)[i])]);
      return [`z${i + 1}`, signed(loc[i]), signed(scale[i]), ...pulls];
    });
    fillTable("pulls", body, head);
  }
}
