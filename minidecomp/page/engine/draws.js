"use strict";
// The streams of random numbers (minidecomp/randomness/streams.py), and the draws of one step.

// The step of a stream's draw, as a BigInt
function streamStep(name, number = 0) {
  return BigInt(CONSTANTS.streams[name].first_step) + BigInt(number);
}

// [purpose, step] of a draw, for a stream of one purpose
function streamAt(name, number = 0) {
  return [CONSTANTS.streams[name].purposes[0], streamStep(name, number)];
}

// A sample (rows, D) of the prior, from the noise and choices at these [purpose, step]
function samplePrior(prior, rows, seed, noiseAt, choiceAt) {
  const kind = PRIORS[prior.name], count = rows * prior.dims;
  const noise = kind.noise === "student-t" ? studentTs(count, prior.df, seed, ...noiseAt) : normals(count, seed, ...noiseAt);
  const choice = kind.choice === null ? null : uniforms(kind.choice === "element" ? count : rows, seed, ...choiceAt);
  return { z: kind.sample(prior, noise, choice, rows), noise, choice };
}

// The draws for a batch, the same in every engine: the posterior's noise eps (K, B, D) and, if D(q, p) has a weight, a
// sample of the prior (B, D) with the random numbers that it was computed from.
function drawBatch(prior, samples, rows, seed, step, withPrior) {
  const [posterior, purpose, choice] = CONSTANTS.streams.TRAINING.purposes;
  const eps = normals(samples * rows * prior.dims, seed, posterior, step);
  if (!withPrior) return { eps, priorSample: null, priorNoise: null, priorChoice: null };
  const drawn = samplePrior(prior, rows, seed, [purpose, step], [choice, step]);
  return { eps, priorSample: drawn.z, priorNoise: drawn.noise, priorChoice: drawn.choice };
}
