"use strict";
// The Gaussian likelihood with a learned scale: the output (rows, 2 dx) is (m, r), and s = softplus(r) + 1e-6.

// The index of m in the output for value i of x (rows, dx); the index of r is larger by dx
function gaussianPlace(i, dx) {
  return 2 * dx * Math.floor(i / dx) + i % dx;
}

function likelihoodScale(raw) {
  return softplus(raw) + MIN_SCALE;
}

// log p = sum_d -t^2 / 2 - log s - log(2 pi) / 2,   t = (x - m) / s
// d/dm = t / s        d/dr = (t^2 - 1) / s sigmoid(r)
LIKELIHOODS.gaussian = {
  name: "gaussian",
  outputsPerValue: 2,
  noise: "normal",
  fromOptions: () => ({ name: "gaussian" }),
  valueAndGrad: (likelihood, x, output, rows, dx) => {
    const value = new Float64Array(rows), byOutput = new Float64Array(output.length);
    for (let i = 0; i < rows * dx; i++) {
      const at = gaussianPlace(i, dx), s = likelihoodScale(output[at + dx]), t = (x[i % x.length] - output[at]) / s;
      value[Math.floor(i / dx)] += -0.5 * t * t - Math.log(s) - 0.5 * LOG_2PI;
      byOutput[at] = t / s;
      byOutput[at + dx] = (t * t - 1) / s * sigmoid(output[at + dx]);
    }
    return { value, output: byOutput };
  },
  mean: (output, rows, dx) => Float64Array.from({ length: rows * dx }, (_, i) => output[gaussianPlace(i, dx)]), // E[x|z] = m
  scale: (output, rows, dx) => Float64Array.from({ length: rows * dx }, (_, i) => likelihoodScale(output[gaussianPlace(i, dx) + dx])),
  sample: (likelihood, output, noise, rows, dx) => noise.map((e, i) => {
    const at = gaussianPlace(i, dx);
    return output[at] + likelihoodScale(output[at + dx]) * e;
  }),
};
