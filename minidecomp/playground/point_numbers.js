"use strict";
// A point's numbers, sums and tables as text, and the section that holds them.

const WORKED_MOST = 3;

// Six significant digits: 0.123457, 1.2e-7
function sixDigits(value) {
  return String(Number(value.toPrecision(6)));
}

// A number in a product or a difference, where a negative one needs brackets
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

// The mean of several vectors, entry by entry
function workedMean(vectors) {
  return vectors[0].map((_, d) => workedTotal(vectors.map((vector) => vector[d])) / vectors.length);
}

// The indices of the largest values, in ascending order; all indices if there are few
function workedPlaces(sizes, all = 2 * WORKED_MOST) {
  const places = sizes.map((_, place) => place);
  if (sizes.length <= all) return places;
  places.sort((a, b) => sizes[b] - sizes[a]);
  return places.slice(0, WORKED_MOST).sort((a, b) => a - b);
}

// "a + b + c + 0.2 (the other 5)": the largest values, each as textOf(place), and the sum of the others
function workedSumText(values, textOf = (place) => workedFactor(values[place])) {
  const places = workedPlaces(values.map(Math.abs), WORKED_MOST + 1), shown = new Set(places);
  const words = places.map(textOf), rest = values.filter((_, place) => !shown.has(place));
  if (rest.length) words.push(`${workedFactor(workedTotal(rest))} (the other ${rest.length})`);
  return words.join(" + ");
}

// A table of the largest rows [name, ..numbers] by sizes, and the sums of the other rows where a column can be summed
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

// An explanation's formulas, one per line
function workedFormula(name) {
  const found = EXPLANATIONS[name];
  return found ? found.formula.flatMap((line) => line.split(/ {3,}/)).map((line) => line.replace(/,$/, "")) : [];
}

// Equal up to rounding: within 1e-9 of the larger number, or of 1
function workedAgrees(a, b) {
  return a.every((value, d) => Math.abs(value - b[d]) <= 1e-9 * Math.max(1, Math.abs(value), Math.abs(b[d])));
}

// A section of the panel. explanation is the name of the explanation with its title, formula and derivation; value is
// the term's value at the point; checked names what is compared with the engine's result.
function workedSection(term, title, explanation, worked) {
  const { formula = [], lines, rows, parts = null, value = null, checked, byHand, byEngine } = worked;
  const { title: about, steps } = EXPLANATIONS[explanation] || { title: "", steps: [] };
  return {
    term, title, about, steps, lines, rows, parts, value, checked, byHand, byEngine,
    formula: [...workedFormula(explanation), ...formula],
    agree: workedAgrees(byHand, byEngine),
  };
}

// A term's pull on the point, from the engine; a term with weight 0 does not pull
function enginePull(point, term) {
  const pulls = point.look.pulls[term];
  return pulls ? point.rowOf(pulls.loc, point.i) : new Array(point.D).fill(0);
}

// The mean over the samples, if there are several
function workedMeanLine(name, values) {
  const mean = sixDigits(workedTotal(values) / values.length);
  return values.length > 1 ? [`mean of ${name} over ${values.length} samples = ${mean}`] : [];
}

// From the slope of one sample to the arrow: the mean over K samples, times the weight
function workedArrow(name, slopes, weightText, pull) {
  const rows = [[slopes.length > 1 ? `${name}, sample 1` : name, ...slopes[0]]];
  if (slopes.length > 1) rows.push([`${name}, mean of ${slopes.length} samples`, ...workedMean(slopes)]);
  return [...rows, [`the arrow: ${weightText}`, ...pull]];
}
