"use strict";
// The Bernoulli likelihood of x in {0, 1}, or an intensity in between; the output (rows, dx) holds the logits o.

// log p = sum_d x o - softplus(o)            d/do = x - sigmoid(o)
LIKELIHOODS.bernoulli = {
  name: "bernoulli",
  outputsPerValue: 1,
  noise: "uniform",
  fromOptions: () => ({ name: "bernoulli" }),
  valueAndGrad: (likelihood, x, output, rows, dx) => {
    const value = new Float64Array(rows), byOutput = new Float64Array(output.length);
    for (let i = 0; i < output.length; i++) {
      const xi = x[i % x.length], o = output[i];
      value[Math.floor(i / dx)] += xi * o - softplus(o);
      byOutput[i] = xi - sigmoid(o);
    }
    return { value, output: byOutput };
  },
  mean: (output) => output.map(sigmoid), // E[x|z] = sigmoid(o)
  scale: () => null,
  sample: (likelihood, output, noise) => output.map((o, i) => (noise[i] < sigmoid(o) ? 1 : 0)),
};
