"use strict";
// q(z|x) = N(loc, diag scale^2): the link from the encoder's output to the scale, and the reparameterised sample.

// softplus: s = log(1 + e^a) + 1e-6, ds/da = sigmoid(a);   exp: s = e^(a / 2) + 1e-6, ds/da = e^(a / 2) / 2
const SCALE_LINKS = {
  "softplus": { value: (a) => softplus(a) + MIN_SCALE, slope: sigmoid },
  "exp": { value: (a) => Math.exp(0.5 * a) + MIN_SCALE, slope: (a) => 0.5 * Math.exp(0.5 * a) },
};

// The encoder's output (rows, 2 D) as loc and raw, (rows, D) each, and the scale s = link(raw)
function splitPosterior(output, rows, dims, link) {
  const loc = new Float64Array(rows * dims), raw = new Float64Array(rows * dims);
  for (let r = 0; r < rows; r++) {
    loc.set(output.subarray(2 * r * dims, (2 * r + 1) * dims), r * dims);
    raw.set(output.subarray((2 * r + 1) * dims, (2 * r + 2) * dims), r * dims);
  }
  return { loc, raw, scale: raw.map(SCALE_LINKS[link].value) };
}

// z = mu + s eps, (K, rows, D) for eps of that shape
function samplePosterior(loc, scale, eps) {
  return eps.map((noise, i) => loc[i % loc.length] + scale[i % loc.length] * noise);
}
