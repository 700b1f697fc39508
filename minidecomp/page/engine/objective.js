"use strict";
// The objective L = E_q(z|x)[log p(x|z)] - beta KL(q(z|x) || p(z)) - alpha D(q(z), p(z)) of a batch, and its gradient.

const TERMS = ["log_likelihood", "kl", "regulariser"];

// dL/dterm for each term: 1, -beta, -alpha
function termWeights(options) {
  return { log_likelihood: 1, kl: -options.beta, regulariser: -options.alpha };
}

// From x (B, dx) forward to the decoder's output, K samples of each posterior
function forwardPass(model, x, rows, eps, samples) {
  const encoded = model.encoder.forward(model.parameters, x, rows);
  const { loc, raw, scale } = splitPosterior(encoded.output, rows, model.latentDim, model.scaleLink);
  const z = samplePosterior(loc, scale, eps);
  const decoded = model.decoder.forward(model.parameters, z, samples * rows);
  return { loc, raw, scale, z, output: decoded.output, encoderInputs: encoded.inputs, decoderInputs: decoded.inputs };
}

// The value of each term, and its weighted gradient with respect to z (K, B, D), loc and scale (B, D) and the prior's
// variance (D). The gradient of the reconstruction with respect to the decoder's parameters goes into `gradient`.
function termGradients(model, options, prior, x, rows, draws, pass, weights, gradient) {
  const samples = options.samples, count = samples * rows, terms = {};
  const { log_likelihood: byReconstruction, kl: byKl, regulariser: byD } = weights;

  // E_q(z|x)[log p(x|z)]
  const kind = LIKELIHOODS[model.likelihood.name];
  const likelihood = kind.valueAndGrad(model.likelihood, x, pass.output, count, model.dataDim);
  const dOutput = likelihood.output.map((value) => byReconstruction / count * value);
  const back = model.decoder.backward(model.parameters, pass.decoderInputs, dOutput, count, gradient);
  terms.log_likelihood = { value: meanOf(likelihood.value), z: back };

  // KL(q(z|x) || p(z))
  if (options.kl === "analytic") {
    const kl = analyticKl(pass.loc, pass.scale, prior, rows);
    terms.kl = { value: meanOf(kl.value), ...scaled(kl, byKl / rows, prior.dims) };
  } else {
    const kl = monteCarloKl(pass.z, draws.eps, pass.scale, prior, options.log_prior_multiplier, count);
    terms.kl = { value: meanOf(kl.value), ...scaled(kl, byKl / count, prior.dims) };
  }

  // D(q(z), p(z))
  if (draws.priorSample) {
    const { priorSample } = draws;
    const d = REGULARISERS[options.regulariser].valueAndGrad(priorSample, pass.z, pass.loc, pass.scale, prior, rows, samples);
    terms.regulariser = { value: d.value, ...scaled(d, byD, prior.dims) };
    if (draws.priorNoise && model.parameters.has(PRIOR_LOGITS)) {
      const variance = terms.regulariser.variance || new Float64Array(prior.dims), sampleGrad = PRIORS[prior.name].sampleGrad;
      addScaled(variance, columnSums(sampleGrad(prior, d.priorSample, draws.priorNoise, draws.priorChoice), prior.dims), byD);
      terms.regulariser.variance = variance;
    }
  }
  return terms;
}

// A term's derivatives times its weight; those with respect to the prior's variance are summed over the points
function scaled(grads, weight, dims) {
  const result = {};
  for (const name of ["z", "loc", "scale"]) {
    if (grads[name]) result[name] = grads[name].map((value) => weight * value);
  }
  if (grads.variance) result.variance = columnSums(grads.variance, dims).map((value) => weight * value);
  return result;
}

// The total gradient with respect to loc and scale (B, D): z = mu + s eps, dz/dmu = 1, dz/ds = eps, summed over the K samples
function pullOnEncodings(term, eps, size) {
  const loc = new Float64Array(size), scale = new Float64Array(size);
  if (term.loc) for (let i = 0; i < term.loc.length; i++) loc[i % size] += term.loc[i];
  if (term.scale) for (let i = 0; i < term.scale.length; i++) scale[i % size] += term.scale[i];
  if (term.z) {
    for (let i = 0; i < term.z.length; i++) {
      loc[i % size] += term.z[i];
      scale[i % size] += term.z[i] * eps[i];
    }
  }
  return { loc, scale };
}

// The encoder's gradient from a pull: s = link(raw), d/draw = d/ds ds/draw
function backToEncoder(model, pass, pull, rows, gradient) {
  const dims = model.latentDim, { slope } = SCALE_LINKS[model.scaleLink], dOutput = new Float64Array(2 * rows * dims);
  for (let i = 0; i < rows * dims; i++) {
    const at = 2 * dims * Math.floor(i / dims) + i % dims;
    dOutput[at] = pull.loc[i];
    dOutput[at + dims] = pull.scale[i] * slope(pass.raw[i]);
  }
  model.encoder.backward(model.parameters, pass.encoderInputs, dOutput, rows, gradient, false);
}

// The gradient with respect to the logits of a learned variance
function logitsInto(gradient, prior, dVariance) {
  if (!gradient.has(PRIOR_LOGITS)) return;
  const variance = prior.scale.slice(0, prior.dims).map((s) => s * s);
  gradient.get(PRIOR_LOGITS).set(logitsGrad(dVariance, variance));
}

// The values at a batch x (B, dx), and the gradient of sum_T weights[T] T, which without `weights` is the objective.
// With `separate`, also the norm of each weighted term's gradient and the cosines between them.
function valueAndGrad(model, options, x, rows, draws, separate = false, weights = termWeights(options)) {
  const prior = currentPrior(model), size = rows * model.latentDim, { shapes } = model.parameters;
  const pass = forwardPass(model, x, rows, draws.eps, options.samples), gradient = new Parameters(shapes);
  const terms = termGradients(model, options, prior, x, rows, draws, pass, weights, gradient);
  const values = {}, pulls = {}, total = { loc: new Float64Array(size), scale: new Float64Array(size) };
  const dVariance = new Float64Array(model.latentDim), z = new Float64Array(pass.z.length);
  for (const [name, term] of Object.entries(terms)) {
    values[name] = term.value;
    pulls[name] = pullOnEncodings(term, draws.eps, size);
    addScaled(total.loc, pulls[name].loc, 1);
    addScaled(total.scale, pulls[name].scale, 1);
    if (term.z) addScaled(z, term.z, 1);
    if (term.variance) addScaled(dVariance, term.variance, 1);
  }
  values.objective = objectiveOf(values, options);
  const compared = separate ? compareTerms(model, prior, pass, terms, pulls, rows, gradient, weights) : {};
  backToEncoder(model, pass, total, rows, gradient);
  logitsInto(gradient, prior, dVariance);
  return { ...pass, values, gradient, pulls, total, byZ: z, ...compared };
}

// L from the values of its terms; a term with weight 0 may be missing.
function objectiveOf(values, options) {
  return Object.entries(termWeights(options)).reduce((sum, [term, weight]) => (weight === 0 ? sum : sum + weight * values[term]), 0);
}

// For the weighted terms' gradients g_T with respect to all parameters, whose sum is g: their norms, the cosines between
// them, and their shares <g_T, g> / <g, g>, which add up to 1. `gradient` holds the decoder's part, to which only the
// reconstruction contributes.
function compareTerms(model, prior, pass, terms, pulls, rows, gradient, weights) {
  const own = {}, names = TERMS.filter((term) => terms[term] && weights[term]);
  for (const name of names) {
    own[name] = new Parameters(model.parameters.shapes);
    if (name === "log_likelihood") own[name].vector.set(gradient.vector);
    backToEncoder(model, pass, pulls[name], rows, own[name]);
    logitsInto(own[name], prior, terms[name].variance || new Float64Array(prior.dims));
  }
  const products = names.map((a) => names.map((b) => dotProduct(own[a].vector, own[b].vector)));
  const sums = products.map((row) => row.reduce((sum, value) => sum + value, 0)), whole = sums.reduce((a, b) => a + b, 0);
  const norms = {}, shares = {}, cosines = {};
  names.forEach((a, i) => {
    norms[a] = Math.sqrt(products[i][i]);
    shares[a] = whole > 0 ? sums[i] / whole : NaN;
    for (let k = 0; k < i; k++) {
      const lengths = Math.sqrt(products[k][k] * products[i][i]);
      cosines[`${names[k]} ${a}`] = lengths > 0 ? products[k][i] / lengths : NaN;
    }
  });
  return { norms, cosines, shares };
}

function dotProduct(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
