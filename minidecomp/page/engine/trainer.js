"use strict";
// Training, step by step: the batches, draws and steps of minidecomp's engines in float64.

// A change of one of these options needs a new model, which starts from the beginning. For the likelihood's options,
// see Trainer.fitOutputs.
const BEGINS_ANEW = ["seed", "init", "latent_dim", "hidden", "decoder_hidden", "learn_prior_variance"];
const SAMPLES_DRAWN = 200, IMAGES_DRAWN = 12;

class Trainer {
  constructor(options, data) {
    this.options = { ...options };
    this.data = data;
    this.begin();
  }

  // The first model, with weights drawn from the seed
  begin() {
    checkOptions(this.options, this.data);
    this.model = makeModel(this.options, this.data.width);
    initialise(this.model, this.options.seed, this.options.init);
    if (this.options.prior_logits && this.options.learn_prior_variance) {
      this.model.parameters.get(PRIOR_LOGITS).set(this.options.prior_logits);
    }
    this.adam = new Adam(this.model.parameters.vector.length, this.options.amsgrad);
    this.epoch = this.row = 0;
    this.forget();
  }

  get step() {
    return this.adam.step;
  }

  // Forget the step computed ahead: it is no longer the next one.
  forget() {
    this.looked = null;
    this.order = null;
  }

  // The rows of the next step's batch
  batch() {
    const { options, data } = this;
    this.turn();
    this.order = this.order || permutation(data.rows, options.seed, ...streamAt("EPOCH_ORDER", this.epoch));
    return this.order.subarray(this.row, Math.min(this.row + options.batch_size, data.rows));
  }

  // End the epoch if too few points are left for a batch: like minidecomp, leave out a last batch that is too small for D.
  turn() {
    if (this.data.rows - this.row >= this.leastPoints()) return;
    this.epoch += 1;
    this.row = 0;
    this.order = null;
  }

  leastPoints() {
    return this.options.alpha > 0 ? REGULARISERS[this.options.regulariser].leastPoints : 1;
  }

  // The next step's batch, draws, values and gradients; nothing is changed. An Error if one of them is not finite.
  compute(separate) {
    const { options, model, data } = this, rows = this.batch(), width = data.width, x = new Float64Array(rows.length * width);
    rows.forEach((row, i) => x.set(data.x.subarray(row * width, (row + 1) * width), i * width));
    const prior = currentPrior(model), step = streamStep("TRAINING", this.step);
    const draws = drawBatch(prior, options.samples, rows.length, options.seed, step, options.alpha > 0);
    const found = valueAndGrad(model, options, x, rows.length, draws, separate);
    this.checkFinite(found);
    return { rows, x, prior, ...draws, ...found };
  }

  checkFinite({ values, gradient }) {
    const bad = TERMS.find((term) => term in values && !Number.isFinite(values[term]));
    if (bad) throw new Error(`${bad} is not finite at step ${this.step + 1}`);
    const limit = CONSTANTS.LARGEST_GRADIENT;
    if (!gradient.vector.every((value) => Math.abs(value) < limit)) {
      throw new Error(`gradient is not finite at step ${this.step + 1}`);
    }
  }

  // The next step, computed but not taken: the pull on each point, and the gradient of each term.
  look() {
    if (this.looked) return this.looked;
    const found = this.compute(true), count = found.rows.length, weights = termWeights(this.options);
    const pulls = {};
    for (const [term, pull] of Object.entries(found.pulls)) {
      if (weights[term] !== 0) pulls[term] = { loc: pull.loc.map((v) => count * v), scale: pull.scale.map((v) => count * v) };
    }
    this.looked = { ...found, pulls };
    return this.looked;
  }

  // Take a step; returns the terms' values before it.
  stepOnce() {
    const found = this.looked || this.compute(false);
    this.adam.update(this.model.parameters.vector, found.gradient.vector, this.options.lr);
    this.row += found.rows.length;
    this.looked = null;
    this.turn();
    return found.values;
  }

  // Take over new options, and new data if given. Only another shape, seed or initialisation starts from the beginning.
  change(options, data = this.data) {
    const before = this.options, after = { ...options }, another = data !== this.data;
    checkOptions(after, data);
    const anew = data.width !== this.data.width || BEGINS_ANEW.some((name) => String(before[name]) !== String(after[name]));
    this.options = after;
    this.data = data;
    if (anew) {
      this.begin();
      return "begun anew";
    }
    const vector = this.model.parameters.vector, model = makeModel(after, data.width, this.fitOutputs(vector, before));
    if (model.parameters.vector !== vector) {
      const moments = ["m", "v", "vMax"].map((name) => [name, this.adam[name] && this.fitOutputs(this.adam[name], before, true)]);
      moments.forEach(([name, values]) => { this.adam[name] = values; });
    }
    if (!after.amsgrad) this.adam.vMax = null;
    else this.adam.vMax = this.adam.vMax || this.adam.v.slice();
    this.model = model;
    if (another) this.row = 0;
    this.forget();
    return "kept";
  }

  // The vector of parameters for the new likelihood. In the decoder's last layer, the columns that both likelihoods have
  // (those of the means) stay; new ones have their first values, or 0.
  fitOutputs(vector, before, zero = false) {
    const was = makeModel(before, this.data.width, vector), now = makeModel(this.options, this.data.width);
    if (was.outputDim === now.outputDim) return vector;
    if (!zero) initialise(now, this.options.seed, this.options.init);
    for (const [name, rows, columns] of now.parameters.shapes) {
      const from = was.parameters.get(name), to = now.parameters.get(name), width = from.length / rows;
      for (let r = 0; r < rows; r++) {
        for (let j = 0; j < Math.min(width, columns); j++) to[r * columns + j] = from[r * width + j];
      }
    }
    return now.parameters.vector;
  }

  // What the page shows of the current model. Overlap and match take as long as a step, so they need `measure`.
  snapshot(measure = true) {
    const { options, model, data } = this, prior = currentPrior(model), { seed } = options;
    const encodings = encode(model, data.x, data.rows);
    if (measure || !this.dials) {
      this.dials = overlapAndMatch(encodings, data.rows, prior, seed);
      this.dimensions = aboutDimensions(encodings, data.rows, prior, seed);
    }
    return {
      step: this.step, epoch: this.epoch, row: this.row, options: { ...options }, prior,
      model: { vector: model.parameters.vector.slice(), dataDim: data.width },
      encodings, look: this.lookForShow(),
      reconstruction: meanOfData(model, encodings.loc, data.rows),
      samples: sampleModel(model, data.imageShape ? IMAGES_DRAWN : SAMPLES_DRAWN, seed),
      dials: { ...this.dials }, dimensions: { ...this.dimensions },
    };
  }

  // The same without the parts that only the step needs, as a message to the page can hold only data.
  lookForShow() {
    const { gradient, encoderInputs, decoderInputs, ...shown } = this.look();
    return { ...shown, gradientNorm: Math.sqrt(dotProduct(gradient.vector, gradient.vector)) };
  }

  // Everything that a run needs to continue from here
  state() {
    const { m, v, vMax, step } = this.adam;
    return { vector: this.model.parameters.vector.slice(), m: m.slice(), v: v.slice(), vMax: vMax && vMax.slice(), step, epoch: this.epoch, row: this.row };
  }

  static fromState(options, data, state) {
    const trainer = new Trainer(options, data), { adam } = trainer;
    trainer.model.parameters.vector.set(state.vector);
    adam.m.set(state.m);
    adam.v.set(state.v);
    if (adam.vMax) adam.vMax.set(state.vMax || state.v);
    [adam.step, trainer.epoch, trainer.row] = [state.step, state.epoch, state.row];
    return trainer;
  }
}

// Throws an Error for options that do not go together or do not fit the data. The page itself checks numbers' limits.
function checkOptions(options, data) {
  const least = options.alpha > 0 ? REGULARISERS[options.regulariser].leastPoints : 1;
  if (options.kl === "analytic" && options.prior !== "gaussian") {
    throw new Error(`kl analytic needs prior gaussian, not ${options.prior}`);
  }
  if (Math.min(data.rows, options.batch_size) < least) {
    throw new Error(`${options.regulariser} needs ${least} points or more in a batch, not ${Math.min(data.rows, options.batch_size)}`);
  }
  const range = options.likelihood === "bernoulli" && data.x.find((value) => !(value >= 0 && value <= 1));
  if (range !== false && range !== undefined) throw new Error(`the bernoulli likelihood needs data from 0 to 1, not ${range}`);
}
