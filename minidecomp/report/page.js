"use strict";
// What the page shows of the run.

const values = JSON.parse(document.getElementById("values").textContent);

function showRun() {
  const { objective: o } = values, D = o.D;
  document.getElementById("summary").textContent =
    `${values.data}, ${values.prior} prior, ${values.epochs} epochs${values.best ? `, the model of epoch ${values.best}, the best by validation` : values.last ? ", the last model" : ""}, ` +
    `${values.parameters.toLocaleString("en")} parameters`;
  document.getElementById("unit").textContent = values.unit;
  document.getElementById("unit").hidden = !values.unit;
  document.getElementById("formula").textContent =
    `L(x) = E_q(z|x)[log p(x|z)] - ${o.beta} ${o.kl_title === "KL" ? "KL(q(z|x) || p(z))" : `E_q(z|x)[${o.kl_title}]`} - ${o.alpha} ${D}`;
  const curves = document.getElementById("curves"), c = values.curves, g = values.gradients, v = values.validation;
  const lines = (name, term, kind) => (v.epoch ? [["training", c[term], kind], ["validation (dashed)", v[term], kind, v.epoch]] : [[name, c[term], kind]]);
  chart(curves, "log-likelihood (nats)", c.epoch, lines("log-likelihood", "log_likelihood", "reconstruction"));
  chart(curves, `${o.kl_title} (nats)`, c.epoch, lines(o.kl_title, "kl", "kl"));
  chart(curves, `regulariser: ${D}`, c.epoch, lines("regulariser", "regulariser", "regulariser"));
  chart(curves, "objective (nats)", c.epoch, lines("objective", "objective", "ink"));
  for (const [name, title] of [["beta", "beta"], ["alpha", "alpha"], ["lr", "learning rate"]]) {
    if (c[name]) chart(curves, title, c.epoch, [[title, c[name], "ink"]]);
  }
  if (g.epoch) {
    chart(curves, "gradients' norms", g.epoch, [["reconstr.", g.norm_log_likelihood, "reconstruction"], ["beta KL", g.norm_kl, "kl"],
      ["alpha D", g.norm_regulariser, "regulariser"]], true);
    chart(curves, "cosines of the gradients", g.epoch, [["reconstr., KL", g.cosine_log_likelihood_kl, "kl"],
      ["reconstr., D", g.cosine_log_likelihood_regulariser, "reconstruction"], ["KL, D", g.cosine_kl_regulariser, "regulariser"]]);
  }
  fillTable("evaluation", values.evaluation.length ? values.evaluation.map((row) => row.map(String))
    : [["none yet", values.last ? "evaluation.json is about the best model" : "minidecomp evaluate makes one"]]);
  fillTable("settings", values.settings);
}

function showExplorer() {
  const model = values.explorer;
  if (model.left_out) {
    const note = document.getElementById("left-out");
    note.textContent = `No explorer: ${model.left_out}.`;
    note.hidden = false;
    document.getElementById("explorer-body").hidden = true;
    return null;
  }
  return new Explorer(model, values.objective);
}

showRun();
const explorer = showExplorer();
