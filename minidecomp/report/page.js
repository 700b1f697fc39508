"use strict";
// What the page shows of the run.

const values = JSON.parse(document.getElementById("values").textContent);

// Shows a text in an element, or hides the element if there is none.
function note(id, text) {
  const element = document.getElementById(id);
  element.textContent = text;
  element.hidden = !text;
}

function showHead() {
  const { objective: o, curves: c } = values, which = values.best
    ? `the model of epoch ${values.best}, the best by validation` : values.last ? "the last model" : "";
  const parts = [values.data, `${values.prior} prior`, values.epochs === 1 ? "1 epoch" : `${values.epochs} epochs`, which,
    `${values.parameters.toLocaleString("en")} parameters`];
  document.getElementById("summary").textContent = parts.filter(Boolean).join(", ");
  wrappable(clear(document.querySelector("h1")), values.name);
  const kl = o.kl_title === "KL" ? "KL(q(z|x) || p(z))" : `E_q(z|x)[${o.kl_title}]`, formula = clear(document.getElementById("formula"));
  const terms = [["", 1, "E_q(z|x)[log p(x|z)]"], ["− ", o.beta, kl], ["− ", o.alpha, o.D]];
  newElement(formula, "span", "", "L(x) =");
  for (const [sign, weight, term] of terms) {
    if (weight !== 0) formula.append(" ");
    if (weight !== 0) newElement(formula, "span", "", `${sign}${weight === 1 ? "" : `${weight} `}${term}`);
  }
  const changing = ["beta", "alpha"].filter((name) => c[name]);
  const verb = changing.length === 1 ? "changes" : "change";
  note("weights", changing.length ? `${changing.join(" and ")} ${verb} during training; this is the objective at its end.` : "");
  note("unit", values.unit);
}

function clear(element) {
  element.replaceChildren();
  return element;
}

function showCurves() {
  const { objective: o, curves: c, gradients: g, validation: v } = values, parent = document.getElementById("curves");
  const lines = (term, colour) => [{ name: "training", values: c[term], colour },
    ...(v.epoch ? [{ name: "validation", values: v[term], colour, epochs: v.epoch }] : [])];
  chart(parent, "log-likelihood (nats)", c.epoch, lines("log_likelihood", "reconstruction"));
  chart(parent, `${o.kl_title} (nats)`, c.epoch, lines("kl", "kl"));
  chart(parent, `${o.D}${o.D_unit ? ` (${o.D_unit})` : ""}`, c.epoch, lines("regulariser", "regulariser"));
  chart(parent, "objective (nats)", c.epoch, lines("objective", "ink"));
  for (const [name, title] of [["beta", "beta"], ["alpha", "alpha"], ["lr", "learning rate"]]) {
    if (c[name]) chart(parent, title, c.epoch, [{ name: title, values: c[name], colour: "ink" }], { exact: true });
  }
  if (g.epoch) showGradients(parent, g, o);
  const reach = smoothingReach(c.epoch), spacing = c.epoch.length > 1 ? (c.epoch[c.epoch.length - 1] - c.epoch[0]) / (c.epoch.length - 1) : 1;
  note("curves-note", reach ? `Lines are means over ${Math.round((2 * reach + 1) * spacing)} epochs; the faint lines are the values themselves. Validation and schedules are not smoothed.` : "");
}

function showGradients(parent, g, o) {
  chart(parent, "gradient norms (nats)", g.epoch, [
    { name: "reconstruction", values: g.norm_log_likelihood, colour: "reconstruction" },
    { name: `beta ${o.kl_title}`, values: g.norm_kl, colour: "kl" },
    { name: `alpha ${o.D}`, values: g.norm_regulariser, colour: "regulariser" },
  ], { logarithmic: true });
  chart(parent, "cosine between gradients", g.epoch, [
    { name: "reconstruction, KL", values: g.cosine_log_likelihood_kl, colour: "pair-likelihood-kl" },
    { name: `reconstruction, ${o.D}`, values: g.cosine_log_likelihood_regulariser, colour: "pair-likelihood-regulariser" },
    { name: `KL, ${o.D}`, values: g.cosine_kl_regulariser, colour: "pair-kl-regulariser" },
  ]);
}

function showTables() {
  const parent = document.getElementById("evaluation");
  for (const table of values.evaluation) evaluationTable(parent, table);
  if (values.evaluation.length === 0) {
    newElement(parent, "p", "", values.last ? "None: evaluation.json describes the best model." : "None yet. Run minidecomp evaluate to make one.");
  }
  settingsTable(document.getElementById("settings"), values.settings);
}

function showExplorer() {
  const model = values.explorer;
  if (!model.left_out) return new Explorer(model, values.objective);
  note("left-out", `No explorer: ${model.left_out}.`);
  document.getElementById("explorer-body").hidden = true;
  return null;
}

// Paper has light colours and every detail open.
function listenForPrinting(explorer) {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    for (const each of opened) each.open = true;
    document.documentElement.classList.add("printed");
    if (explorer) explorer.update();
  });
  addEventListener("afterprint", () => {
    for (const each of opened) each.open = false;
    document.documentElement.classList.remove("printed");
    if (explorer) explorer.update();
  });
}

showHead();
showCurves();
showTables();
const explorer = showExplorer();
listenForPrinting(explorer);
