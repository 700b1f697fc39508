"use strict";
// The page's data sets. Each gives the training points that `minidecomp train` uses for the same data and data_seed.

const MOST_DATA_POINTS = 2000, MOST_DATA_COLUMNS = 64, LEAST_DATA_POINTS = 4, LARGEST_DATA_VALUE = 1e6;
const LARGEST_SCALED_VALUE = 1e150; // the squares of larger ones overflow
const TEST_FRACTION = 0.1;
const PINWHEEL_DEFAULTS = { arms: 4, points_per_arm: 100, radial_std: 0.1, tangential_std: 0.3, rate: 0.25 };
const LABEL_NAMES = ["label", "labels", "class", "target"];
// Its parts cannot match the same text, so that the time grows only with the length of the text.
const CELL_NUMBER = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const MISSING_TEXTS = new Set([
  "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
  "NULL", "NaN", "None", "n/a", "nan", "null",
]);

// By name: a title, and make(options, given) -> the data. `given` is what the user gives: drawn points [[x, y], ..], or
// {name, text} of a CSV file. `make` throws an Error with a message of one line if it cannot be used.
const DATASETS = {
  pinwheel: { title: "Pinwheel", make: makePinwheel },
  moons: { title: "Two moons", make: makeMoons },
  ring: { title: "Ring", make: makeRing },
  blobs: { title: "Grid of blobs", make: makeBlobs },
  hearts: { title: "Hearts, 16 x 16", make: makeHearts },
  drawn: { title: "Drawn points", make: makeDrawn },
  table: { title: "A CSV file", make: makeTable }, // options.scale: "standardise", or "none" or missing
};

// ---- common parts ----

// The rows of a file that `minidecomp train` trains on, and those that it tests on, in its order.
function splitRows(count, testFraction, dataSeed) {
  const order = permutation(count, dataSeed, ...streamAt("SPLIT", 0));
  const tested = Math.min(Math.max(roundHalfEven(testFraction * count), 1), count - 1);
  return { train: Int32Array.from(order.slice(tested)), test: Int32Array.from(order.slice(0, tested)) };
}

// As in Python, a half is rounded to the even number.
function roundHalfEven(x) {
  const below = Math.floor(x), rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

// A class for each different text, and the classes' names: numbers in order of size, other texts in alphabetical order.
function classesOf(texts) {
  const different = [...new Set(texts)].sort();
  if (different.every((text) => CELL_NUMBER.test(text))) different.sort((a, b) => Number(a) - Number(b));
  const place = new Map(different.map((text, i) => [text, i]));
  return { labels: Int32Array.from(texts, (text) => place.get(text)), names: different };
}

// The data of a whole file: rows x (count * width) in the file's order, and a label for each row or null.
function dataOfFile(name, x, width, columns, labelTexts, imageShape, options) {
  const count = x.length / width, dataSeed = options.data_seed ?? 0;
  const { train } = splitRows(count, TEST_FRACTION, dataSeed);
  const kept = new Float64Array(train.length * width);
  train.forEach((row, i) => kept.set(x.subarray(row * width, (row + 1) * width), i * width));
  const classes = labelTexts && classesOf(labelTexts);
  return {
    name, x: kept, rows: train.length, width, columns, imageShape,
    labels: classes && Int32Array.from(train, (row) => classes.labels[row]),
    classNames: classes ? classes.names : [],
    file: { x, labelTexts, count, scale: null },
  };
}

// How many points are used for training; empty if all are
function splitNote(data) {
  if (!data.file || data.file.count === data.rows) return "";
  const tested = data.file.count - data.rows, verb = tested === 1 ? "is" : "are";
  return `${data.rows} of the ${countedWords(data.file.count, "point")} train; ${tested} ${verb} kept for testing, as `
    + "the command keeps them.";
}

// The file with which `minidecomp train` trains as the page does, and the options that it needs to read it; null for
// the pinwheel, which has no file. A number is the shortest text that gives the same bits when read.
function fileOf(data) {
  if (!data.file) return null;
  const { x, labelTexts } = data.file, { width, columns } = data;
  const labelColumn = labelTexts && freeName("label", columns);
  const lines = [[...columns, ...(labelTexts ? [labelColumn] : [])].map(quotedCell).join(",")];
  for (let row = 0; row * width < x.length; row++) {
    const cells = Array.from(x.subarray(row * width, (row + 1) * width), numberText);
    if (labelTexts) cells.push(quotedCell(labelTexts[row]));
    lines.push(cells.join(","));
  }
  const options = { data: "points.csv", header: true };
  if (labelTexts) options.labels = labelColumn;
  if (data.imageShape) options.image_shape = [...data.imageShape];
  if (data.file.scale) options.scale = data.file.scale;
  return { name: "points.csv", text: lines.join("\n") + "\n", options };
}

function numberText(value) {
  return Object.is(value, -0) ? "-0" : String(value);
}

function quotedCell(text) {
  return /[",;\r\n\t|]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// The name, or the first of name_2, name_3, .. that is free.
function freeName(name, taken) {
  let free = name;
  for (let number = 2; taken.includes(free); number++) free = `${name}_${number}`;
  return free;
}

function numberedColumns(width) {
  return Array.from({ length: width }, (_, i) => `x_${i}`);
}

function countedWords(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

// ---- data drawn from a seed ----

function dataNoise(count, options) {
  return normals(count, options.data_seed ?? 0, ...streamAt("PINWHEEL_TRAIN", 0));
}

// x = (x0 cos t + x1 sin t, -x0 sin t + x1 cos t),  t = 2 pi k / K + rate exp(x0),  x0 ~ N(1, tangential^2),
// x1 ~ N(0, radial^2)
function makePinwheel(options) {
  const o = { ...PINWHEEL_DEFAULTS, ...options };
  const rows = o.arms * o.points_per_arm, noise = dataNoise(2 * rows, o);
  const x = new Float64Array(2 * rows), labels = new Int32Array(rows);
  for (let i = 0; i < rows; i++) {
    labels[i] = Math.floor(i / o.points_per_arm);
    const x0 = 1 + o.tangential_std * noise[2 * i], x1 = o.radial_std * noise[2 * i + 1];
    const t = 2 * Math.PI * labels[i] / o.arms + o.rate * Math.exp(x0);
    x[2 * i] = x0 * Math.cos(t) + x1 * Math.sin(t);
    x[2 * i + 1] = -x0 * Math.sin(t) + x1 * Math.cos(t);
  }
  const classNames = Array.from({ length: o.arms }, (_, k) => `arm ${k}`);
  return { name: "pinwheel", x, rows, width: 2, columns: numberedColumns(2), imageShape: null, labels, classNames };
}

// Two interlocking half circles: 1.2 ((cos t, sin t) - (0.5, 0.25) + 0.1 eps), and its counterpart.
function makeMoons(options) {
  const each = 200, noise = dataNoise(4 * each, options), x = new Float64Array(4 * each), texts = [];
  for (let i = 0; i < 2 * each; i++) {
    const second = i >= each, t = Math.PI * (i % each) / (each - 1);
    const place = second ? [1 - Math.cos(t), 0.5 - Math.sin(t)] : [Math.cos(t), Math.sin(t)];
    x[2 * i] = 1.2 * (place[0] - 0.5 + 0.1 * noise[2 * i]);
    x[2 * i + 1] = 1.2 * (place[1] - 0.25 + 0.1 * noise[2 * i + 1]);
    texts.push(second ? "moon 2" : "moon 1");
  }
  return dataOfFile("moons", x, 2, numberedColumns(2), texts, null, options);
}

// (r cos t, r sin t),  r = 1.6 + 0.1 eps; the quarters are the classes.
function makeRing(options) {
  const rows = 400, noise = dataNoise(rows, options), x = new Float64Array(2 * rows), texts = [];
  for (let i = 0; i < rows; i++) {
    const t = 2 * Math.PI * i / rows, radius = 1.6 + 0.1 * noise[i];
    x[2 * i] = radius * Math.cos(t);
    x[2 * i + 1] = radius * Math.sin(t);
    texts.push(`quarter ${Math.floor(4 * i / rows) + 1}`);
  }
  return dataOfFile("ring", x, 2, numberedColumns(2), texts, null, options);
}

// Three rows of three, starting at the upper left: (1.5 a, 1.5 b) + 0.2 eps with a and b in {-1, 0, 1}.
function makeBlobs(options) {
  const each = 40, rows = 9 * each, noise = dataNoise(2 * rows, options), x = new Float64Array(2 * rows), texts = [];
  for (let i = 0; i < rows; i++) {
    const blob = Math.floor(i / each);
    x[2 * i] = 1.5 * (blob % 3 - 1) + 0.2 * noise[2 * i];
    x[2 * i + 1] = 1.5 * (1 - Math.floor(blob / 3)) + 0.2 * noise[2 * i + 1];
    texts.push(`blob ${blob + 1}`);
  }
  return dataOfFile("blobs", x, 2, numberedColumns(2), texts, null, options);
}

// Hearts from dSprites, reduced in size. CONSTANTS.hearts has a bit for each pixel, the first in a byte's highest bit.
function makeHearts(options) {
  const { bits, count, side, scales } = CONSTANTS.hearts, bytes = atob(bits);
  const x = Float64Array.from({ length: count * side * side }, (_, i) => bytes.charCodeAt(i >> 3) >> (7 - i % 8) & 1);
  const texts = Array.from({ length: count }, (_, i) => `scale ${scales[Math.floor(i * scales.length / count)]}`);
  return dataOfFile("hearts", x, side * side, numberedColumns(side * side), texts, [side, side], options);
}

// ---- data that the user gives ----

function makeDrawn(options, points) {
  checkPointCount("drawn points", points.length);
  return dataOfFile("drawn", Float64Array.from(points.flat()), 2, numberedColumns(2), null, null, options);
}

function checkPointCount(name, count) {
  if (count < LEAST_DATA_POINTS) {
    throw new Error(`${name}: expected at least ${LEAST_DATA_POINTS} points, got ${count}`);
  }
  if (count > MOST_DATA_POINTS) {
    const most = countedWords(MOST_DATA_POINTS, "point");
    throw new Error(`${name}: the page can hold at most ${most}, not ${count.toLocaleString("en")}`);
  }
}

function makeTable(options, given) {
  const scaled = options.scale === "standardise", table = parsedTable(given.name, given.text, scaled);
  const width = table.columns.length;
  const data = dataOfFile(given.name, table.x, width, table.columns, table.labelTexts, null, options);
  if (!scaled) return { ...data, note: sizeNote(given.name, table.x, false) };
  const scaling = standardScaling(data.x, width), made = (x) => standardisedRows(x, width, scaling);
  const file = { ...data.file, scale: "standardise" };
  return { ...data, x: made(data.x), file, note: sizeNote(given.name, made(table.x), true) };
}

// A CSV text as {x, columns, labelTexts}: columns of numbers, and at most one column of labels.
function parsedTable(name, text, scaled = false) {
  const { rows, header, lines } = tableRows(name, text);
  checkPointCount(name, rows.length);
  if (rows[0].length > 2 * MOST_DATA_COLUMNS) throw new Error(tooManyColumns(name, rows[0].length));
  const columns = Array.from({ length: rows[0].length }, (_, i) => tableColumn(rows, header, i));
  const labels = labelColumnOf(name, columns, rows.length);
  const numbers = withoutIndex(columns.filter((column) => column !== labels), header !== null);
  const width = numbers.length;
  if (!width) throw new Error(`${name}: expected at least one column of numbers, got none`);
  if (width > MOST_DATA_COLUMNS) throw new Error(tooManyColumns(name, width));
  const x = new Float64Array(rows.length * width);
  numbers.forEach((column, j) => column.cells.forEach((cell, i) => {
    x[i * width + j] = cellNumber(cell, `${name}, line ${lines[i]}, ${column.called}`, scaled);
  }));
  if (labels) checkLabels(name, labels, lines);
  return { x, columns: uniqueNames(numbers.map((column) => column.name)), labelTexts: labels && labels.cells };
}

function tooManyColumns(name, count) {
  const found = count.toLocaleString("en");
  return `${name}: the page can hold at most ${MOST_DATA_COLUMNS} columns of numbers, not ${found}`;
}

// The rows of numbers, the row of names or null, and each row's line number in the file, counted from 1.
function tableRows(name, text) {
  const { rows, lines } = csvCells(name, text.replace(/^\uFEFF/, ""));
  if (!rows.length) throw new Error(`${name}: expected a table of numbers, got an empty file`);
  const width = rows[0].length, odd = rows.findIndex((row) => row.length !== width);
  if (odd >= 0) {
    const found = rows[odd].length;
    throw new Error(`${name}, line ${lines[odd]}: expected ${width} cells, as in the first line, got ${found}`);
  }
  checkForm(name, rows, lines);
  const header = hasHeader(rows) ? rows[0] : null, first = header ? 1 : 0;
  return { rows: rows.slice(first), header, lines: lines.slice(first) };
}

// Files that the command can read and the page cannot: decimal commas, and spaces between cells
function checkForm(name, rows, lines) {
  const isComma = (row) => row.some((cell) => /^[+-]?[0-9]*,[0-9]+$/.test(cell));
  const comma = rows.findIndex(isComma);
  if (comma >= 0 && rows.filter(isComma).length > rows.length / 2) {
    const cell = rows[comma].find((each) => isComma([each])).slice(0, 40);
    const needed = `expected a decimal point, got '${cell}'; minidecomp train can read decimal commas`;
    throw new Error(`${name}, line ${lines[comma]}: ${needed}`);
  }
  const isBlank = ([cell]) => /\s/.test(cell) && cell.split(/\s+/).every((part) => CELL_NUMBER.test(part));
  if (rows[0].length === 1 && rows.filter(isBlank).length > rows.length / 2) {
    const needed = "expected a comma, a semicolon or a tab between cells; minidecomp train can read spaces";
    throw new Error(`${name}: ${needed}`);
  }
}

// The first line holds names if it has a word in a column whose other cells are numbers.
function hasHeader(rows) {
  return rows.length > 1 && rows[0].some((cell, i) => isWord(cell) && !isOfWords(rows.slice(1).map((row) => row[i])));
}

function isWord(cell) {
  return !CELL_NUMBER.test(cell) && !MISSING_TEXTS.has(cell);
}

// Whether most of a column's cells are words; a few words among numbers are an error.
function isOfWords(cells) {
  return cells.filter(isWord).length > cells.length / 2;
}

function tableColumn(rows, header, i) {
  const cells = rows.map((row) => row[i]), given = header ? header[i] : "";
  const called = `column ${given || i + 1}`;
  return { name: given || `x_${i}`, hasName: given !== "", called, cells, words: isOfWords(cells) };
}

// The column of labels: one with the name of labels, or else the one column of words; null if there is none.
function labelColumnOf(name, columns, count) {
  const named = columns.filter((column) => LABEL_NAMES.includes(column.name.toLowerCase()));
  const chosen = named.find((column) => column.words || !tooManyClasses(column.cells, count));
  const words = columns.filter((column) => column.words);
  const others = words.filter((column) => column !== chosen);
  if (others.length > (chosen ? 0 : 1)) {
    const shown = words.map((column) => column.called.replace(/^column /, "")).slice(0, 4).join(", ");
    throw new Error(`${name}: expected numbers and at most one column of labels; these columns have words: ${shown}`);
  }
  return chosen || words[0] || null;
}

function tooManyClasses(cells, count) {
  const different = new Set(cells).size;
  return different > 1000 || (count >= 20 && different > count / 2);
}

function checkLabels(name, labels, lines) {
  const missing = labels.cells.findIndex((cell) => MISSING_TEXTS.has(cell));
  if (missing >= 0) {
    const place = `${name}, line ${lines[missing]}, ${labels.called}`;
    throw new Error(`${place}: expected a label, got no value`);
  }
  if (tooManyClasses(labels.cells, labels.cells.length)) {
    const found = `${new Set(labels.cells).size} different labels for ${labels.cells.length} points`;
    throw new Error(`${name}, ${labels.called}: expected labels that several points share, got ${found}`);
  }
}

// Drops first columns that only number the rows, as some programs write them.
function withoutIndex(columns, named) {
  const counts = ({ cells }, from) => cells.every((cell, i) => cell !== "" && Number(cell) === from + i);
  const isIndex = (column) => (named && !column.hasName) || counts(column, 0) || counts(column, 1);
  const first = columns.findIndex((column) => !isIndex(column));
  return columns.slice(first < 0 ? columns.length - 1 : first);
}

function cellNumber(cell, place, scaled) {
  if (MISSING_TEXTS.has(cell)) throw new Error(`${place}: expected a number, got no value`);
  const number = CELL_NUMBER.test(cell) ? Number(cell) : NaN;
  if (!Number.isFinite(number)) throw new Error(`${place}: expected a number, got '${cell.slice(0, 40)}'`);
  const most = scaled ? LARGEST_SCALED_VALUE : LARGEST_DATA_VALUE, text = scaled ? "1e150" : "1e6";
  if (Math.abs(number) > most) {
    const advice = scaled ? "" : "; standardise the columns to use larger numbers";
    throw new Error(`${place}: expected a number from -${text} to ${text}, got ${cell.slice(0, 40)}${advice}`);
  }
  return number;
}

function uniqueNames(names) {
  const unique = [];
  for (const name of names) unique.push(freeName(name, unique));
  return unique;
}

// The cells of a CSV text, without the spaces around them. Commas, semicolons or tabs separate cells; a cell that has
// one is quoted. Empty lines are skipped. {rows, lines: the line where each row starts, counted from 1}
function csvCells(name, text) {
  const delimiter = delimiterOf(text), rows = [], lines = [];
  let row = [], cell = "", quoted = false, wasQuoted = false, line = 1, begun = 1;
  const endCell = () => {
    row.push(cell.trim());
    cell = "";
    wasQuoted = false;
  };
  const endRow = () => {
    endCell();
    if (row.length > 1 || row[0] !== "") {
      rows.push(row);
      lines.push(begun);
    }
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const mark = text[i], endsLine = mark === "\n" || (mark === "\r" && text[i + 1] !== "\n");
    if (endsLine) line += 1;
    if (quoted && mark === '"' && text[i + 1] === '"') cell += text[i++];
    else if (quoted && mark === '"') quoted = false;
    else if (quoted) cell += mark;
    else if (mark === '"' && cell.trim() === "" && !wasQuoted) [quoted, wasQuoted, cell] = [true, true, ""];
    else if (mark === delimiter) endCell();
    else if (endsLine) {
      endRow();
      begun = line;
    } else if (mark !== "\r") cell += mark;
  }
  if (quoted) throw new Error(`${name}: expected a quotation mark at the end of the last cell, got none`);
  endRow();
  return { rows, lines };
}

// The separator that occurs most often in the first line, outside quotes.
function delimiterOf(text) {
  const line = text.replace(/^[\r\n]+/, "").replace(/"[^"]*"/g, "").split(/[\r\n]/, 1)[0];
  const counts = [",", ";", "\t"].map((mark) => [mark, line.split(mark).length]);
  return counts.reduce((most, next) => (next[1] > most[1] ? next : most))[0];
}
