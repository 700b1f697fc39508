"use strict";
// The Laplace likelihood with a fixed scale b: the output (rows, dx) is m.

// log p = sum_d -|x - m| / b - log(2 b)            d/dm = sign(x - m) / b
LIKELIHOODS.laplace = {
  name: "laplace",
  outputsPerValue: 1,
  noise: "uniform",
  fromOptions: (options) => ({ name: "laplace", b: options.likelihood_scale }),
  valueAndGrad: ({ b }, x, output, rows, dx) => {
    const value = new Float64Array(rows), byOutput = new Float64Array(output.length);
    for (let i = 0; i < output.length; i++) {
      const r = x[i % x.length] - output[i];
      value[Math.floor(i / dx)] += -Math.abs(r) / b - Math.log(2 * b);
      byOutput[i] = Math.sign(r) / b;
    }
    return { value, output: byOutput };
  },
  mean: (output) => output.slice(), // E[x|z] = m
  scale: () => null,
  // x = m - b sign(u - 1/2) log(1 - 2 |u - 1/2|)
  sample: ({ b }, output, noise) => output.map((m, i) => m - b * Math.sign(noise[i] - 0.5) * Math.log1p(-2 * Math.abs(noise[i] - 0.5))),
};
