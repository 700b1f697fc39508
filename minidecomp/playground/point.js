"use strict";
// A point of the next step in numbers: every formula, and every term's pull, worked by hand.

// Entry i of a batch of rows, D wide
function pointRow(matrix, i, width) {
  return Array.from(matrix.subarray(i * width, (i + 1) * width));
}

// Point i of the next batch, with its rows of every matrix
function pointOfBatch(snapshot, i, columns) {
  const { look, options } = snapshot, B = look.rows.length, D = options.latent_dim, K = look.eps.length / (B * D);
  const dx = look.x.length / B, width = look.output.length / (K * B);
  const model = makeModel(options, dx, snapshot.model.vector);
  const point = {
    i, B, D, K, dx, look, options, model,
    columns: columns && columns.length === dx ? columns : workedList(dx, (at) => `x${at + 1}`),
    prior: currentPrior(model),
    rowOf: (matrix, at) => pointRow(matrix, at, D),
    x: pointRow(look.x, i, dx),
    loc: pointRow(look.loc, i, D),
    raw: pointRow(look.raw, i, D),
    scale: pointRow(look.scale, i, D),
    eps: workedList(K, (k) => pointRow(look.eps, k * B + i, D)),
    z: workedList(K, (k) => pointRow(look.z, k * B + i, D)),
    output: workedList(K, (k) => pointRow(look.output, k * B + i, width)),
  };
  point.underPrior = point.z.map((z) => WORKED_PRIORS[point.prior.name](point.prior, z));
  return point;
}

// log q(z|x) = sum_d -eps^2 / 2 - log s - log(2 pi) / 2
function logPosteriorParts(point, k) {
  return point.eps[k].map((eps, d) => -0.5 * eps * eps - Math.log(point.scale[d]) - 0.5 * LOG_2PI);
}

const LINK_FORMULAS = { "softplus": "log(1 + e^a) + 1e-6", "exp": "e^(a/2) + 1e-6" };

// s = link(a),  z = mu + s eps,  log q(z|x)
function workedPosterior(point) {
  const { loc, raw, eps } = point, link = point.options.scale_link;
  const scale = raw.map(SCALE_LINKS[link].value), z = loc.map((mu, d) => mu + scale[d] * eps[0][d]);
  const parts = logPosteriorParts(point, 0), value = workedTotal(parts);
  const first = point.K > 1 ? [`sample 1 of K = ${point.K}; an arrow is the mean over all K samples`] : [];
  return workedSection("posterior", "Posterior: the sample z and log q(z|x)", "sample", {
    formula: [`s = ${LINK_FORMULAS[link]}`, "log q = sum_d -eps^2 / 2 - log s - log(2 pi) / 2"],
    lines: [
      ...first,
      ...z.map((at, d) => `z${d + 1} = ${sixDigits(loc[d])} + ${sixDigits(scale[d])} × ${workedFactor(eps[0][d])} `
        + `= ${sixDigits(at)}`),
      `log q(z|x) = ${workedSumText(parts)} = ${sixDigits(value)}`,
    ],
    rows: [["mu, the posterior's mean", ...loc], ["a, the encoder's raw output", ...raw], ["s = link(a)", ...scale],
      ["eps", ...eps[0]], ["z = mu + s eps", ...z], ["log q", ...parts]],
    value,
    checked: "z",
    byHand: z,
    byEngine: point.z[0],
  });
}

const PULL_NAMES = { log_likelihood: "reconstruction", kl: "beta KL", regulariser: "alpha D" };

// The sum of the terms' arrows: how fast the objective grows as mu moves
function workedSum(point, sections) {
  const pulling = sections.filter((section) => section.term in PULL_NAMES);
  const sumOf = (which) => workedList(point.D, (d) => workedTotal(pulling.map((section) => section[which][d])));
  const byHand = sumOf("byHand");
  return workedSection("sum", "Sum: the objective's pull on this point", "", {
    formula: ["L = log p(x|z) - beta KL - alpha D", "arrow of the sum = B dL/dmu, the sum of the three arrows"],
    lines: byHand.map((sum, d) => `B dL/dmu${d + 1} = `
      + `${pulling.map((section) => workedFactor(section.byHand[d])).join(" + ")} = ${sixDigits(sum)}`),
    rows: [...pulling.map((section) => [PULL_NAMES[section.term], ...section.byHand]), ["sum", ...byHand]],
    checked: "the sum",
    byHand,
    byEngine: sumOf("byEngine"),
  });
}

// All sections for point i of snapshot.look; columns are the names of the data's columns
function workedPoint(snapshot, i, { columns = null } = {}) {
  const point = pointOfBatch(snapshot, i, columns);
  const sections = [workedPosterior, workedLikelihood, workedPrior, workedKl, workedRegulariser]
    .map((work) => work(point));
  return [...sections, workedSum(point, sections)];
}
