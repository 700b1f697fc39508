"use strict";
// Numbers, sums and tables of a worked point as text, and the section that holds them.

const WORKED_MOST = 3;

// Six digits: 0.123457, 1.2e-7
function sixDigits(value) {
  return String(Number(value.toPrecision(6)));
}

// A number inside a product or a difference, where a minus sign needs brackets
function workedFactor(value) {
  return value < 0 ? `(${sixDigits(value)})` : sixDigits(value);
}

function workedVector(values) {
  return `(${Array.from(values, sixDigits).join(", ")})`;
}

function workedTotal(values) {
  return values.reduce((total, value) => total + value, 0);
}

// [f(0), f(1), ..]
function workedList(count, make) {
  return Array.from({ length: count }, (_, i) => make(i));
}

// The mean of vectors, entry by entry
function workedMean(vectors) {
  return vectors[0].map((_, d) => workedTotal(vectors.map((vector) => vector[d])) / vectors.length);
}

// The places of the largest values, in their own order; all places where there are few
function workedPlaces(sizes, all = 2 * WORKED_MOST) {
  const places = sizes.map((_, place) => place);
  if (sizes.length <= all) return places;
  places.sort((a, b) => sizes[b] - sizes[a]);
  return places.slice(0, WORKED_MOST).sort((a, b) => a - b);
}

// "a + b + c + 0.2 (the other 5)": the largest values, each as textOf(place) has it, and the others' sum
function workedSumText(values, textOf = (place) => workedFactor(values[place])) {
  const places = workedPlaces(values.map(Math.abs), WORKED_MOST + 1), shown = new Set(places);
  const words = places.map(textOf), rest = values.filter((_, place) => !shown.has(place));
  if (rest.length) words.push(`${workedFactor(workedTotal(rest))} (the other ${rest.length})`);
  return words.join(" + ");
}

// A table of the largest rows [name, ..numbers] by sizes, and the other rows' sums in the columns that may be summed
function workedTable(head, rows, sizes, summed) {
  const places = workedPlaces(sizes), shown = new Set(places);
  const table = { head, rows: places.map((place) => rows[place]) };
  const rest = rows.filter((_, place) => !shown.has(place));
  if (rest.length) {
    const sumOf = (c) => (summed.includes(c) ? workedTotal(rest.map((row) => row[c])) : null);
    const sums = workedList(head.length - 1, (c) => sumOf(c + 1));
    table.rows.push([`the other ${rest.length}`, ...sums]);
  }
  return table;
}

// The formula lines of an explanation, one formula a line
function workedFormula(name) {
  const found = EXPLANATIONS[name];
  return found ? found.formula.flatMap((line) => line.split(/ {3,}/)).map((line) => line.replace(/,$/, "")) : [];
}

// Equal up to rounding: 1e-9 of the larger, or of 1
function workedAgrees(a, b) {
  return a.every((value, d) => Math.abs(value - b[d]) <= 1e-9 * Math.max(1, Math.abs(value), Math.abs(b[d])));
}

// A section of the panel; explanation names where its title, formula and derivation come from, value is the term's at
// the point, checked says what is compared with the engine's.
function workedSection(term, title, explanation, worked) {
  const { formula = [], lines, rows, parts = null, value = null, checked, byHand, byEngine } = worked;
  const { title: about, steps } = EXPLANATIONS[explanation] || { title: "", steps: [] };
  return {
    term, title, about, steps, lines, rows, parts, value, checked, byHand, byEngine,
    formula: [...workedFormula(explanation), ...formula],
    agree: workedAgrees(byHand, byEngine),
  };
}

// What the engine has as a term's pull on the point; a term of weight 0 pulls nowhere
function enginePull(point, term) {
  const pulls = point.look.pulls[term];
  return pulls ? point.rowOf(pulls.loc, point.i) : new Array(point.D).fill(0);
}

// The mean over samples, said where there are several
function workedMeanLine(name, values) {
  const mean = sixDigits(workedTotal(values) / values.length);
  return values.length > 1 ? [`mean of ${name} over ${values.length} samples = ${mean}`] : [];
}

// What turns the slope of one sample into the arrow: the mean over K samples, times the weight
function workedArrow(name, slopes, weightText, pull) {
  const rows = [[slopes.length > 1 ? `${name}, sample 1` : name, ...slopes[0]]];
  if (slopes.length > 1) rows.push([`${name}, mean of ${slopes.length} samples`, ...workedMean(slopes)]);
  return [...rows, [`the arrow: ${weightText}`, ...pull]];
}
