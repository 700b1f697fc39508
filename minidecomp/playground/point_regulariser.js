"use strict";
// A point's part of D, worked by hand: which samples of the prior pull it, or which points push it.

const WORKED_REGULARISERS = { "kl-inc": workedInclusiveKl, "mmd": workedMmd };

function workedRegulariser(point) {
  const { alpha, regulariser } = point.options;
  if (point.look.priorSample) return WORKED_REGULARISERS[regulariser](point);
  const nowhere = new Array(point.D).fill(0);
  return workedSection("regulariser", "Regulariser D", regulariser, {
    lines: [`alpha = ${sixDigits(alpha)}: this step leaves D out, so D does not pull`],
    rows: [["the arrow", ...nowhere]],
    checked: "the arrow",
    byHand: nowhere,
    byEngine: enginePull(point, "regulariser"),
  });
}

// W_ji = softmax_i log q(z_j | x_i) of this point i, for every sample z_j of the prior, without terms that all i share
function posteriorShares(point) {
  const { B, D, i, look } = point, logQ = new Float64Array(B);
  const logScale = workedList(B, (other) => workedTotal(point.rowOf(look.scale, other).map(Math.log)));
  return workedList(B, (j) => {
    for (let other = 0; other < B; other++) {
      let square = 0;
      for (let d = 0; d < D; d++) {
        const t = (look.priorSample[j * D + d] - look.loc[other * D + d]) / look.scale[other * D + d];
        square += t * t;
      }
      logQ[other] = -0.5 * square - logScale[other];
    }
    return Math.exp(logQ[i] - logSumExp(logQ));
  });
}

// B d/dmu_i = -sum_j W_ji (z_j - mu_i) / s_i^2, as there are J = B samples
function workedInclusiveKl(point) {
  const { B, D, loc, scale, look } = point, { alpha } = point.options, W = posteriorShares(point);
  const away = (j, d) => look.priorSample[j * D + d] - loc[d];
  const addends = workedList(D, (d) => W.map((share, j) => (share * away(j, d)) / scale[d] ** 2));
  const textOf = (j, d) => `${sixDigits(W[j])} × ${workedFactor(away(j, d))} / ${sixDigits(scale[d])}^2`;
  const sums = addends.map(workedTotal);
  const pull = sums.map((sum) => alpha * sum);
  const perDimension = (name) => workedList(D, (d) => name(d + 1));
  const addend = (d) => `W (z_j${d} - mu${d}) / s${d}^2`;
  const head = ["sample of p", ...perDimension((d) => `z_j${d}`), "W", ...perDimension(addend)];
  const rows = W.map((share, j) => [
    `j = ${j + 1}`, ...point.rowOf(look.priorSample, j), share, ...addends.map((each) => each[j]),
  ]);
  const parts = workedTable(head, rows, W, head.map((_, c) => c).slice(D + 1));
  return workedSection("regulariser", "Regulariser: KL(p || q)", "kl-inc", {
    formula: [`arrow = -alpha B d/dmu_i = alpha sum_j W_ji (z_j - mu_i) / s_i^2,   B = J = ${B}`],
    lines: [
      `sum_j W = ${sixDigits(workedTotal(W))}: how many of the ${B} samples of p this point accounts for`,
      ...addends.map((each, d) => `sum_j ${addend(d + 1)} = ${workedSumText(each, (j) => textOf(j, d))} `
        + `= ${sixDigits(sums[d])}`),
    ],
    rows: workedArrow("sum_j W (z_j - mu) / s^2", [sums], `${sixDigits(alpha)} × the sum`, pull),
    parts,
    checked: "the arrow",
    byHand: pull,
    byEngine: enginePull(point, "regulariser"),
  });
}

// k'(r) = -2 r sum_c c / (c + r^2)^2
function workedKernelSlope(r) {
  return -2 * r * workedTotal(CONSTANTS.KERNEL_SCALES.map((c) => c / (c + r * r) ** 2));
}

// sum_j k'(y_a - other_j) in dimension d, where others are rows of D numbers from an offset on
function kernelSlopeSum(point, at, others, start, d) {
  let sum = 0;
  for (let j = 0; j < point.B; j++) sum += workedKernelSlope(at - others[(start + j) * point.D + d]);
  return sum;
}

// B d/dy_a = 2/(B - 1) sum_j k'(y_a - y_j) - 2/B sum_j k'(y_a - x_j), in each dimension separately
function workedMmd(point) {
  const { B, D, K, look } = point, { alpha } = point.options;
  const sums = (others, startOf) => workedList(K, (k) => workedList(D, (d) =>
    kernelSlopeSum(point, point.z[k][d], others, startOf(k), d)));
  const within = sums(look.z, (k) => k * B), across = sums(look.priorSample, () => 0);
  const slopes = within.map((each, k) => each.map((sum, d) => (2 / (B - 1)) * sum - (2 / B) * across[k][d]));
  const pull = workedMean(slopes).map((slope) => -alpha * slope), first = K > 1 ? ", sample 1" : "";
  return workedSection("regulariser", "Regulariser: MMD", "mmd", {
    formula: ["arrow = -alpha B d/dy_a,   B d/dy_a = 2/(B - 1) sum_j k'(y_a - y_j) - 2/B sum_j k'(y_a - x_j)"],
    lines: slopes[0].map((slope, d) => `B d/dz${d + 1} = 2/${B - 1} × ${workedFactor(within[0][d])} - `
      + `2/${B} × ${workedFactor(across[0][d])} = ${sixDigits(slope)}`),
    rows: [
      [`within: sum_j k'(y_a - y_j)${first}`, ...within[0]],
      [`across: sum_j k'(y_a - x_j)${first}`, ...across[0]],
      ...workedArrow("B d/dz", slopes, `-${sixDigits(alpha)} × B d/dz`, pull),
    ],
    checked: "the arrow",
    byHand: pull,
    byEngine: enginePull(point, "regulariser"),
  });
}
