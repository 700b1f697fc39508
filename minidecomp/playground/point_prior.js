"use strict";
// log p(z) of a point's sample, worked by hand: each prior gives log p, its slope in z, and the intermediate numbers.

// A prior that is a product over the dimensions: work(z, m, v) for each dimension, with the names of the rows
function workedProduct(prior, z, names, work) {
  const each = Array.from(z, (value, d) => work(value, prior.loc[d], prior.scale[d] ** 2, d + 1));
  const value = workedTotal(each.map((one) => one.value));
  return {
    value,
    slope: each.map((one) => one.slope),
    rows: [
      ["z", ...z],
      ...names.map((name, at) => [name, ...each.map((one) => one.numbers[at])]),
      ["log p", ...each.map((one) => one.value)],
      ["d log p/dz", ...each.map((one) => one.slope)],
    ],
    parts: null,
    lines: [
      `log p(z) = ${workedSumText(each.map((one) => one.value))} = ${sixDigits(value)}`,
      ...each.map((one) => one.line),
    ],
  };
}

const WORKED_PRIORS = {
  // log p = -(z - m)^2 / (2 v) - log(2 pi v) / 2        d/dz = -(z - m) / v
  "gaussian": (prior, z) => workedProduct(prior, z, ["m", "v"], (at, m, v, d) => {
    const slope = -(at - m) / v;
    return {
      numbers: [m, v],
      value: normalLogDensity(at, m, Math.sqrt(v)),
      slope,
      line: `d log p/dz${d} = -(${sixDigits(at)} - ${workedFactor(m)}) / ${sixDigits(v)} = ${sixDigits(slope)}`,
    };
  }),
  // log p = c - log(v) / 2 - (nu + 1) / 2 log(1 + r^2 / (nu v)),  r = z - m        d/dz = -(nu + 1) r / (nu v + r^2)
  "student-t": (prior, z) => workedProduct(prior, z, ["m", "v", "nu"], (at, m, v, d) => {
    const nu = prior.df, r = at - m, slope = (-(nu + 1) * r) / (nu * v + r * r);
    return {
      numbers: [m, v, nu],
      value: prior.logNormaliser - 0.5 * Math.log(v) - 0.5 * (nu + 1) * Math.log1p((r * r) / (nu * v)),
      slope,
      line: `d log p/dz${d} = -(${sixDigits(nu)} + 1) × ${workedFactor(r)} / `
        + `(${sixDigits(nu)} × ${sixDigits(v)} + ${sixDigits(r * r)}) = ${sixDigits(slope)}`,
    };
  }),
  // rho = spike / (spike + slab)        d/dz = -rho z / a^2 - (1 - rho) (z - m) / v
  "sparse": (prior, z) => workedProduct(prior, z, ["log slab", "log spike", "spike's share rho"], (at, m, v, d) => {
    const a = prior.spikeScale;
    const slab = Math.log1p(-prior.gamma) + normalLogDensity(at, m, Math.sqrt(v));
    const spike = Math.log(prior.gamma) + normalLogDensity(at, 0, a);
    const value = logSumExp([slab, spike]), rho = Math.exp(spike - value), rest = Math.exp(slab - value);
    const slope = (-rho * at) / (a * a) - (rest * (at - m)) / v;
    return {
      numbers: [slab, spike, rho],
      value,
      slope,
      line: `d log p/dz${d} = -${sixDigits(rho)} × ${workedFactor(at)} / ${sixDigits(a)}^2 - `
        + `${sixDigits(rest)} × ${workedFactor(at - m)} / ${sixDigits(v)} = ${sixDigits(slope)}`,
    };
  }),
  // R_m = softmax_m (log pi_m + log N(z; m_m, v_m))        d/dz = -sum_m R_m (z - m_m) / v_m
  "mixture": (prior, z) => {
    const D = z.length, joint = workedComponents(prior, z);
    const value = logSumExp(joint), R = joint.map((each) => Math.exp(each - value));
    const away = (m, d) => prior.loc[m * D + d] - z[d], variance = (m, d) => prior.scale[m * D + d] ** 2;
    const addends = Array.from(z, (_, d) => R.map((share, m) => (share * away(m, d)) / variance(m, d)));
    const textOf = (m, d) => `${sixDigits(R[m])} × ${workedFactor(away(m, d))} / ${sixDigits(variance(m, d))}`;
    const slope = addends.map(workedTotal);
    const head = ["component", "log pi + log N", "R", ...addends.map((_, d) => `R (m - z${d + 1}) / v`)];
    const rows = joint.map((each, m) => [String(m + 1), each, R[m], ...addends.map((parts) => parts[m])]);
    return {
      value,
      slope,
      rows: [["z", ...z], ["d log p/dz", ...slope]],
      parts: workedTable(head, rows, R, head.map((_, c) => c).slice(2)),
      lines: [
        `log p(z) = log of the sum of e^(log pi + log N) = ${sixDigits(value)}`,
        ...addends.map((parts, d) => `d log p/dz${d + 1} = ${workedSumText(parts, (m) => textOf(m, d))} `
          + `= ${sixDigits(slope[d])}`),
      ],
    };
  },
};

// log pi_m + log N(z; m_m, v_m) of every component m
function workedComponents(prior, z) {
  const ofComponent = (values, m) => values.subarray(m * z.length, (m + 1) * z.length);
  return workedList(prior.components, (m) => {
    const loc = ofComponent(prior.loc, m), scale = ofComponent(prior.scale, m);
    return prior.logWeight[m] + workedTotal(Array.from(z, (at, d) => normalLogDensity(at, loc[d], scale[d])));
  });
}

function workedPrior(point) {
  const { prior } = point, [worked] = point.underPrior;
  return workedSection("prior", "Prior: log p(z)", `${prior.name}-prior`, {
    lines: worked.lines,
    value: worked.value,
    rows: worked.rows,
    parts: worked.parts,
    checked: "d log p/dz",
    byHand: worked.slope,
    byEngine: Array.from(PRIORS[prior.name].logDensityAndGrad(prior, Float64Array.from(point.z[0]), 1).z),
  });
}
