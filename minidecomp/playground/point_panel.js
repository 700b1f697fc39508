"use strict";
// The panel with a chosen point's numbers: the arrows as a table, and a section for each formula.

const POINT_MS_BETWEEN = 200; // five updates a second while the model trains
const NOTHING_CHOSEN = "Choose a point in either plane to read its numbers.";
const POINT_CLASSES = {
  posterior: "density", log_likelihood: "reconstruction", prior: "prior",
  kl: "kl", regulariser: "regulariser", sum: "sum",
};

function pointElement(tag, className, parent) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  parent.append(element);
  return element;
}

// Leaves equal text untouched, so that the user's selection survives
function showText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// One child for each value
function showList(parent, values, make, show) {
  while (parent.children.length > values.length) parent.lastElementChild.remove();
  while (parent.children.length < values.length) parent.append(make(parent.children.length));
  values.forEach((value, i) => show(parent.children[i], value, i));
}

function showLines(parent, lines, tag = "div") {
  showList(parent, lines, () => document.createElement(tag), showText);
}

function cellText(value) {
  if (value === null) return "";
  return typeof value === "number" ? sixDigits(value) : value;
}

// A heading cell of a column or a row
function headingCell(scope) {
  const cell = document.createElement("th");
  cell.scope = scope;
  return cell;
}

// A table of rows [name, ..numbers] that is updated in place
class PointTable {
  constructor(parent, label) {
    this.box = pointElement("div", "point-table", parent);
    const table = pointElement("table", "", this.box);
    table.setAttribute("aria-label", label);
    this.head = pointElement("tr", "", pointElement("thead", "", table));
    this.body = pointElement("tbody", "", table);
  }

  show(head, rows, classOf = () => "") {
    this.box.hidden = rows.length === 0;
    showList(this.head, head, () => headingCell("col"), showText);
    showList(this.body, rows, () => document.createElement("tr"), (line, row, i) => {
      const made = (at) => (at === 0 ? headingCell("row") : document.createElement("td"));
      showList(line, row.map(cellText), made, showText);
      line.firstElementChild.className = classOf(i);
    });
  }
}

// One formula with its numbers. It opens when its arrow is shown, until the user opens or closes it
class PointSection {
  constructor(parent, term) {
    const colourClass = POINT_CLASSES[term];
    this.details = pointElement("details", "point-section", parent);
    const summary = pointElement("summary", "", this.details);
    this.title = pointElement("h3", colourClass, summary);
    this.arrow = pointElement("span", "point-arrow", summary);
    this.about = pointElement("p", "", this.details);
    this.formula = pointElement("div", "formula", this.details);
    this.lines = pointElement("div", "point-lines", this.details);
    this.rows = new PointTable(this.details, `${term} by latent dimension`);
    this.parts = new PointTable(this.details, `${term}: its parts`);
    this.check = pointElement("p", "point-check", this.details);
    this.derivation = pointElement("details", "point-derivation", this.details);
    showText(pointElement("summary", "", this.derivation), "Derivation");
    this.steps = pointElement("ol", "", this.derivation);
    this.own = false;
    summary.addEventListener("click", () => { this.own = true; });
  }

  openFor(arrow) {
    if (!this.own && this.details.open !== arrow) this.details.open = arrow;
  }

  show(section) {
    const { byHand, byEngine, agree, parts } = section;
    showText(this.title, section.title);
    showText(this.arrow, section.term in PULL_NAMES || section.term === "sum" ? ` arrow ${workedVector(byHand)}` : "");
    showText(this.about, section.about);
    this.about.hidden = section.about === "";
    showLines(this.formula, section.formula);
    showLines(this.lines, section.lines);
    this.rows.show(["", ...byHand.map((_, d) => `z${d + 1}`)], section.rows);
    this.parts.show(parts ? parts.head : [], parts ? parts.rows : []);
    showText(this.check, `${section.checked} by hand ${workedVector(byHand)}, by the engine ${workedVector(byEngine)}: `
      + (agree ? "equal" : "NOT EQUAL"));
    this.derivation.hidden = section.steps.length === 0;
    showLines(this.steps, section.steps, "li");
  }
}

class PointPanel {
  constructor(container) {
    this.columns = null; // names of the data's columns, set by the page
    this.shownAt = -Infinity;
    this.shownPoint = null;
    this.message = pointElement("p", "point-message", container);
    this.numbers = pointElement("div", "point-numbers", container);
    this.numbers.hidden = true;
    this.pulls = new PointTable(this.numbers, "The arrows of the chosen point, by term and latent dimension");
    this.sections = new Map();
    for (const term of Object.keys(POINT_CLASSES)) this.sections.set(term, new PointSection(this.numbers, term));
  }

  draw(snapshot, view) {
    for (const [term, section] of this.sections) section.openFor(Boolean(view.arrows[term]));
    if (!this.due(snapshot, view)) return;
    const place = view.chosen === null ? -1 : snapshot.look.rows.indexOf(view.chosen);
    showText(this.message, pointMessage(snapshot, view.chosen, place));
    this.numbers.hidden = place < 0;
    if (place >= 0) this.show(workedPoint(snapshot, place, { columns: this.columns }));
  }

  // At once if training is paused or another point is chosen, otherwise five times a second
  due(snapshot, view) {
    const now = performance.now();
    const due = !snapshot.running || view.chosen !== this.shownPoint || now - this.shownAt >= POINT_MS_BETWEEN;
    if (due) [this.shownAt, this.shownPoint] = [now, view.chosen];
    return due;
  }

  show(sections) {
    const sum = sections.find((section) => section.term === "sum"), terms = Object.keys(PULL_NAMES);
    this.pulls.show(["arrow", ...sum.byHand.map((_, d) => `z${d + 1}`)], sum.rows,
      (i) => POINT_CLASSES[terms[i] || "sum"]);
    for (const section of sections) this.sections.get(section.term).show(section);
  }
}

// Which point it is, or why it has no numbers now, in one line
function pointMessage(snapshot, chosen, place) {
  if (chosen === null) return NOTHING_CHOSEN;
  const batch = `the batch of ${snapshot.look.rows.length} points for the next step, ${snapshot.step + 1}`;
  if (place < 0) return `Point ${chosen + 1} is not in ${batch}; continue until a step has it.`;
  return `Point ${chosen + 1} is in ${batch}. An arrow is the slope of its weighted term in mu.`;
}
