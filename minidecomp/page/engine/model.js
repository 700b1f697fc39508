"use strict";
// A variational autoencoder: its parts and parameters, what it computes, and its initial weights.

const PRIOR_LOGITS = "prior.logits";

// The model that the options describe, with the given vector of parameters, or with all parameters 0.
function makeModel(options, dataDim, vector = null) {
  const o = options, outputDim = LIKELIHOODS[o.likelihood].outputsPerValue * dataDim;
  const encoder = new Network("enc", [dataDim, ...o.hidden, 2 * o.latent_dim], o.activation);
  const decoder = new Network("dec", [o.latent_dim, ...o.decoder_hidden, outputDim], o.decoder_activation);
  const shapes = [...encoder.shapes(), ...decoder.shapes()];
  if (o.learn_prior_variance) shapes.push([PRIOR_LOGITS, 1, o.latent_dim]);
  return {
    encoder, decoder, dataDim, latentDim: o.latent_dim, outputDim, scaleLink: o.scale_link,
    parameters: new Parameters(shapes, vector), ...partsOfModel(options),
  };
}

// The parts of a model that have no parameters: its likelihood and its prior
function partsOfModel(options) {
  const scale = new Float64Array(options.latent_dim).fill(Math.sqrt(options.prior_variance_scale));
  if (options.prior_scale) scale.set(options.prior_scale); // from a run whose data determined the variances
  return {
    likelihood: LIKELIHOODS[options.likelihood].fromOptions(options),
    prior: PRIORS[options.prior].fromOptions(options, scale),
    meanVariance: options.prior_variance_scale,
  };
}

// Draw every layer's W and b. torch: U(-1/sqrt(in), 1/sqrt(in));  he: W from U(-sqrt(6/in), sqrt(6/in)), b = 0
function initialise(model, seed, init) {
  model.parameters.shapes.forEach(([name], index) => {
    const kind = name.slice(-1), view = model.parameters.get(name);
    if (name === PRIOR_LOGITS) return;
    const width = model.parameters.get(`${name.slice(0, -1)}W`).length / model.parameters.get(`${name.slice(0, -1)}b`).length;
    const bound = init === "torch" ? 1 / Math.sqrt(width) : kind === "W" ? Math.sqrt(6 / width) : 0;
    view.set(uniforms(view.length, seed, ...streamAt("WEIGHTS", index)).map((u) => bound * (2 * u - 1)));
  });
}

// The prior with the current parameters: v_d = S D softmax(prior.logits)_d if the variances are learned
function currentPrior(model) {
  if (!model.parameters.has(PRIOR_LOGITS)) return model.prior;
  return withVariance(model.prior, varianceFromLogits(model.parameters.get(PRIOR_LOGITS), model.meanVariance));
}

// loc, raw and scale (rows, D) of q(z|x) for x (rows, dx)
function encode(model, x, rows) {
  return splitPosterior(model.encoder.forward(model.parameters, x, rows).output, rows, model.latentDim, model.scaleLink);
}

// The decoder's output (rows, outputDim) for z (rows, D)
function decode(model, z, rows) {
  return model.decoder.forward(model.parameters, z, rows).output;
}

// E[x|z] (rows, dx) for z (rows, D)
function meanOfData(model, z, rows) {
  return LIKELIHOODS[model.likelihood.name].mean(decode(model, z, rows), rows, model.dataDim);
}

// Samples from the model: z from p(z), E[x|z], and x from p(x|z), as `minidecomp sample` draws them
function sampleModel(model, count, seed) {
  const { z } = samplePrior(currentPrior(model), count, seed, streamAt("SAMPLE_Z"), streamAt("SAMPLE_CHOICE"));
  const kind = LIKELIHOODS[model.likelihood.name], output = decode(model, z, count), size = count * model.dataDim;
  const noise = (kind.noise === "uniform" ? uniforms : normals)(size, seed, ...streamAt("SAMPLE_X"));
  const mean = kind.mean(output, count, model.dataDim);
  return { z, mean, x: kind.sample(model.likelihood, output, noise, count, model.dataDim) };
}
