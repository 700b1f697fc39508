"use strict";
// A point's KL term, worked by hand: from samples, or in closed form.

function workedKl(point) {
  return point.options.kl === "analytic" ? workedClosedKl(point) : workedSampledKl(point);
}

// KL = log q - M log p; with z = mu + s eps, its derivative in mu is -M d log p/dz, as log q does not change
function workedSampledKl(point) {
  const { beta, log_prior_multiplier: M } = point.options;
  const logQ = workedList(point.K, (k) => workedTotal(logPosteriorParts(point, k)));
  const values = logQ.map((each, k) => each - M * point.underPrior[k].value);
  const slopes = point.underPrior.map(({ slope }) => slope.map((value) => -M * value));
  const pull = workedMean(slopes).map((value) => -beta * value);
  const lines = [
    `log q - M log p = ${sixDigits(logQ[0])} - ${sixDigits(M)} × ${workedFactor(point.underPrior[0].value)} `
      + `= ${sixDigits(values[0])}`,
    ...slopes[0].map((slope, d) => `d/dmu${d + 1} = -M d log p/dz${d + 1} = -${sixDigits(M)} × `
      + `${workedFactor(point.underPrior[0].slope[d])} = ${sixDigits(slope)}`),
    ...workedMeanLine("log q - M log p", values),
  ];
  const title = M === 1 ? "KL term: log q - log p" : `KL term: log q - ${sixDigits(M)} log p`;
  return workedSection("kl", title, "monte-carlo-kl", {
    formula: [
      "with z = mu + s eps, the terms with (z - mu) / s^2 cancel: d/dmu = -M d log p/dz",
      "arrow = -beta d/dmu = beta M d log p/dz",
    ],
    lines,
    value: workedTotal(values) / point.K,
    rows: workedArrow("d/dmu", slopes, `-${sixDigits(beta)} × d/dmu`, pull),
    checked: "the arrow",
    byHand: pull,
    byEngine: enginePull(point, "kl"),
  });
}

// KL = sum_d log(v) / 2 - log s + (s^2 + (mu - m)^2) / (2 v) - 1/2        d/dmu = (mu - m) / v
function workedClosedKl(point) {
  const { prior, loc, scale } = point, { beta } = point.options;
  const each = loc.map((mu, d) => {
    const m = prior.loc[d], v = prior.scale[d] ** 2, s = scale[d];
    return {
      value: 0.5 * Math.log(v) - Math.log(s) + (s * s + (mu - m) ** 2) / (2 * v) - 0.5,
      slope: (mu - m) / v,
      line: `d/dmu${d + 1} = (${sixDigits(mu)} - ${workedFactor(m)}) / ${sixDigits(v)} = ${sixDigits((mu - m) / v)}`,
    };
  });
  const slope = each.map((one) => one.slope), pull = slope.map((value) => -beta * value);
  const value = workedTotal(each.map((one) => one.value));
  return workedSection("kl", "KL term: KL(q || p) in closed form", "analytic-kl", {
    formula: ["arrow = -beta d/dmu"],
    lines: [
      `KL = ${workedSumText(each.map((one) => one.value))} = ${sixDigits(value)}`,
      ...each.map((one) => one.line),
    ],
    value,
    rows: [
      ["KL", ...each.map((one) => one.value)],
      ...workedArrow("d/dmu", [slope], `-${sixDigits(beta)} × d/dmu`, pull),
    ],
    checked: "the arrow",
    byHand: pull,
    byEngine: enginePull(point, "kl"),
  });
}
