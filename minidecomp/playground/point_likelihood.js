"use strict";
// A point's log p(x|z), worked by hand: its parts, and its slope through the decoder.

// For one value x and its outputs: the intermediate numbers, its part of log p, and the slope in each output
const WORKED_LIKELIHOODS = {
  "bernoulli": {
    outputs: ["o"],
    head: ["x", "o", "sigmoid(o)"],
    // log p = x o - log(1 + e^o)        d/do = x - sigmoid(o)
    work(x, [o]) {
      const p = sigmoid(o);
      return { numbers: [x, o, p], value: x * o - softplus(o), slopes: [x - p] };
    },
  },
  "gaussian": {
    outputs: ["m", "r"],
    head: ["x", "m", "r", "s", "t"],
    // t = (x - m) / s        log p = -t^2 / 2 - log s - log(2 pi) / 2
    // d/dm = t / s        d/dr = (t^2 - 1) / s sigmoid(r)
    work(x, [m, r]) {
      const s = softplus(r) + MIN_SCALE, t = (x - m) / s;
      return {
        numbers: [x, m, r, s, t],
        value: -0.5 * t * t - Math.log(s) - 0.5 * LOG_2PI,
        slopes: [t / s, ((t * t - 1) / s) * sigmoid(r)],
      };
    },
  },
  "laplace": {
    outputs: ["m"],
    head: ["x", "m", "b"],
    // log p = -|x - m| / b - log(2 b)        d/dm = sign(x - m) / b
    work(x, [m], b) {
      return { numbers: [x, m, b], value: -Math.abs(x - m) / b - Math.log(2 * b), slopes: [Math.sign(x - m) / b] };
    },
  },
};

// do/dz_d for every output o, forward through the decoder: h_0 = z, h_i+1 = act(h_i W_i + b_i), so
// dh_0/dz_d = e_d        dh_i+1/dz_d = act'(a_i) (dh_i/dz_d W_i)
function decoderSlopes(model, z) {
  const { name, widths, activation } = model.decoder, last = widths.length - 2;
  let h = Float64Array.from(z), slopes = z.map((_, d) => Float64Array.from(z, (__, at) => (at === d ? 1 : 0)));
  for (let layer = 0; layer <= last; layer++) {
    const W = model.parameters.get(`${name}.${layer}.W`), b = model.parameters.get(`${name}.${layer}.b`);
    const n = widths[layer + 1];
    const a = workedTimes(h, W, n).map((value, j) => value + b[j]);
    slopes = slopes.map((slope) => workedTimes(slope, W, n));
    if (layer === last) break;
    h = a.map(ACTIVATIONS[activation].value);
    slopes = slopes.map((slope) => slope.map((value, j) => value * ACTIVATIONS[activation].slope(h[j])));
  }
  return slopes;
}

// h W for one row h
function workedTimes(h, W, n) {
  const product = new Float64Array(n);
  h.forEach((value, k) => {
    if (value !== 0) for (let j = 0; j < n; j++) product[j] += value * W[k * n + j];
  });
  return product;
}

// The parts of log p and the slopes in the outputs, for sample k; the outputs are those of the step
function likelihoodParts(point, k) {
  const kind = WORKED_LIKELIHOODS[point.options.likelihood], { dx } = point;
  return workedList(dx, (at) => {
    const outputs = kind.outputs.map((_, place) => point.output[k][place * dx + at]);
    return kind.work(point.x[at], outputs, point.options.likelihood_scale);
  });
}

// d log p/dz_d = sum_o (d log p/do) (do/dz_d), in words
function likelihoodLine(byOutput, slope, d) {
  const addends = byOutput.map((value, o) => value * slope[o]);
  const text = workedSumText(addends, (o) => `${workedFactor(byOutput[o])} × ${workedFactor(slope[o])}`);
  return `d log p/dz${d + 1} = ${text} = ${sixDigits(workedTotal(addends))}`;
}

// d log p/do of all outputs, in the decoder's order
function slopesByOutput(parts) {
  return parts[0].slopes.flatMap((_, place) => parts.map((part) => part.slopes[place]));
}

function likelihoodTable(point, parts) {
  const kind = WORKED_LIKELIHOODS[point.options.likelihood], value = kind.head.length + 1;
  const head = ["", ...kind.head, "log p", ...kind.outputs.map((output) => `d log p/d${output}`)];
  const rows = parts.map((part, at) => [point.columns[at], ...part.numbers, part.value, ...part.slopes]);
  return workedTable(head, rows, parts.map((part) => Math.abs(part.value)), [value]);
}

// do/dz for the outputs of the values in the table
function decoderRows(point, parts, slopes) {
  const { outputs } = WORKED_LIKELIHOODS[point.options.likelihood];
  return workedPlaces(parts.map((part) => Math.abs(part.value))).flatMap((at) => outputs.map((output, place) =>
    [`d${output}/dz of ${point.columns[at]}`, ...slopes.map((slope) => slope[place * point.dx + at])]));
}

function workedLikelihood(point) {
  const all = workedList(point.K, (k) => likelihoodParts(point, k));
  const byOutput = all.map(slopesByOutput), through = point.z.map((z) => decoderSlopes(point.model, z));
  const slopes = through.map((dimensions, k) => dimensions.map((slope) =>
    workedTotal(byOutput[k].map((value, o) => value * slope[o]))));
  const pull = workedMean(slopes);
  const values = all.map((parts) => workedTotal(parts.map((part) => part.value)));
  const lines = [
    `log p(x|z) = ${workedSumText(all[0].map((part) => part.value))} = ${sixDigits(values[0])}`,
    ...through[0].map((slope, d) => likelihoodLine(byOutput[0], slope, d)),
    ...workedMeanLine("log p(x|z)", values),
  ];
  return workedSection("log_likelihood", "Reconstruction: log p(x|z)", `${point.options.likelihood}-likelihood`, {
    formula: ["d log p/dz = sum over outputs o of (d log p/do) (do/dz)", "arrow = d log p/dz, as dz/dmu = 1"],
    lines,
    value: workedTotal(values) / point.K,
    rows: [
      ...decoderRows(point, all[0], through[0]),
      ...workedArrow("d log p/dz", slopes, "1 × d log p/dz", pull),
    ],
    parts: likelihoodTable(point, all[0]),
    checked: "the arrow",
    byHand: pull,
    byEngine: enginePull(point, "log_likelihood"),
  });
}
