"use strict";
// The page's state, written as the part of its address after the #, so that a link can hold it, and read back.

const MOST_POINTS_IN_ADDRESS = 500;
const DRAWN_STEP = 1000; // grid places per unit; drawn points lie on this grid, so that an address holds them exactly
const ARROW_NAMES = ["log_likelihood", "kl", "regulariser", "sum"];
const SHOW_NAMES = ["data", "reconstructions", "samples", "ellipses"];

// What an address can set
function addressOptions() {
  const shown = SETTING_GROUPS.flatMap((group) => group.names);
  const others = ["decoder_hidden", "decoder_activation", "init", "seed"];
  return ["data", "data_seed", "points_per_arm", "scale", ...shown, ...others];
}

// Only what differs from the state's base, which is what the page uses where the address says nothing.
// state: {options, base: options, view: {chosen, arrows, show, ellipses, dims, columns}, drawn: [[x, y], ..] or null,
// table: name or null, stop: id or null, pace: steps a second}
function writeAddress(state) {
  const { prior, hidden, activation } = state.options, parts = [];
  const base = withSettings(state.base, { prior, hidden, activation });
  const add = (name, text) => parts.push(`${name}=${encodeURIComponent(text).replace(/%2C/g, ",")}`);
  for (const name of addressOptions()) {
    const value = state.options[name], chooses = ["prior", "hidden", "activation"].includes(name);
    const asWithout = chooses ? state.base[name] : base[name];
    if (value !== undefined && value !== null && !sameSetting(value, asWithout)) add(name, settingText(value));
  }
  if (state.stop) add("stop", state.stop);
  if (state.table) add("table", state.table);
  if (state.drawn && state.drawn.length <= MOST_POINTS_IN_ADDRESS) add("points", packPoints(state.drawn));
  addView(state.view, add);
  if (state.pace !== Infinity) add("pace", String(state.pace));
  return parts.join("&");
}

// Points, dimensions and columns are counted from 1, as on the page.
function addView({ chosen, arrows, show, ellipses, dims, dimsChosen, columns }, add) {
  if (chosen !== null) add("point", String(chosen + 1));
  const arrowsShown = ARROW_NAMES.filter((name) => arrows[name]).join();
  if (arrowsShown !== "log_likelihood,kl,regulariser") add("arrows", arrowsShown);
  const shown = SHOW_NAMES.filter((name) => (name === "ellipses" ? ellipses.size > 0 : show[name])).join();
  if (shown !== "data,reconstructions") add("show", shown);
  if (dimsChosen && dims[0] !== dims[1]) add("dims", dims.map((d) => d + 1).join());
  if (columns.some((column) => column > 1) || columns[0] > columns[1]) add("columns", columns.map((c) => c + 1).join());
}

// What an address says: {options, stop, view, ellipses, drawn, table, pace, refused}; refused are messages about the
// parts that were not accepted.
function readAddress(text, stops, dataNames) {
  const found = { options: {}, stop: null, view: {}, ellipses: false, drawn: null, table: null, pace: Infinity,
    refused: [] };
  for (const part of text.replace(/^#/, "").split("&").filter(Boolean)) {
    const at = part.indexOf("="), name = at < 0 ? part : part.slice(0, at);
    const value = decodedPart(at < 0 ? "" : part.slice(at + 1));
    if (value === null) found.refused.push(`${shortened(name)} in the address is not text`);
    else takePart(found, name, value, stops, dataNames);
  }
  return found;
}

function decodedPart(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function takePart(found, name, value, stops, dataNames) {
  const refuse = (allowed) => found.refused.push(`${name} must be ${allowed}, not ${shortened(value) || "empty"}`);
  if (name === "data") {
    if (dataNames.includes(value)) found.options.data = value;
    else refuse(`one of ${dataNames.join(", ")}`);
  } else if (addressOptions().includes(name)) {
    const read = readSetting(name, value);
    if ("fault" in read) found.refused.push(read.fault);
    else found.options[name] = read.value;
  } else if (name === "stop") {
    if (stops.includes(value)) found.stop = value;
    else refuse(`one of ${stops.join(", ")}`);
  } else if (name === "table") {
    found.table = value;
  } else if (name === "points") {
    found.drawn = unpackPoints(value);
    if (!found.drawn) refuse("points packed by this page");
  } else if (name === "point") {
    if (/^[1-9]\d{0,5}$/.test(value)) found.view.chosen = Number(value) - 1;
    else refuse("the number of a point, counted from 1");
  } else if (name === "arrows") {
    const arrows = switchesOf(value, ARROW_NAMES);
    if (arrows) found.view.arrows = arrows;
    else refuse(`some of ${ARROW_NAMES.join(", ")}`);
  } else if (name === "show") {
    const show = switchesOf(value, SHOW_NAMES);
    if (show) ({ ellipses: found.ellipses, ...found.view.show } = show);
    else refuse(`some of ${SHOW_NAMES.join(", ")}`);
  } else if (name === "pace") {
    const paces = PACES.map(([, pace]) => pace).filter(Number.isFinite);
    if (paces.map(String).includes(value)) found.pace = Number(value);
    else refuse(`one of ${paces.join(", ")}`);
  } else if (name === "dims") {
    const dims = twoPlaces(value);
    if (dims) Object.assign(found.view, { dims, dimsChosen: true });
    else refuse("the numbers of two dimensions, counted from 1");
  } else if (name === "columns") {
    const columns = twoPlaces(value);
    if (columns) found.view.columns = columns;
    else refuse("the numbers of two columns, counted from 1");
  } else {
    found.refused.push(`${shortened(name)} in the address is not a setting`);
  }
}

// Which of the names are in a list: {name: true or false}; null if the list has others
function switchesOf(text, names) {
  const on = text === "" ? [] : text.split(",");
  if (!on.every((each) => names.includes(each))) return null;
  return Object.fromEntries(names.map((each) => [each, on.includes(each)]));
}

// Two different numbers, counted from 1, as indices from 0; null for any other text
function twoPlaces(text) {
  const places = text.split(",").map((each) => (/^\d{1,3}$/.test(each) ? Number(each) - 1 : NaN));
  return places.length === 2 && places[0] !== places[1] && places.every((each) => each >= 0) ? places : null;
}

function onDrawnGrid(value) {
  const places = Math.round(value * DRAWN_STEP);
  return Math.min(Math.max(places, -32768), 32767) / DRAWN_STEP;
}

// Each point's x and y in steps of a thousandth, as 16-bit numbers; their bytes in base64url
function packPoints(points) {
  const view = new DataView(new ArrayBuffer(4 * points.length));
  points.flat().forEach((value, i) => view.setInt16(2 * i, Math.round(value * DRAWN_STEP)));
  const text = btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// The points, or null if the text is not packed points
function unpackPoints(text) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
  const n = bytes.length / 4, view = new DataView(bytes.buffer);
  if (!Number.isInteger(n) || n < 1 || n > MOST_POINTS_IN_ADDRESS) return null;
  const value = (at) => view.getInt16(2 * at) / DRAWN_STEP;
  return Array.from({ length: n }, (_, i) => [value(2 * i), value(2 * i + 1)]);
}

// What a link to this state cannot hold, in one line; null if it holds everything
function leftOutOfAddress(state) {
  if (state.table) {
    return `A link cannot hold the table ${state.table}: whoever opens the link must drop that table on the page.`;
  }
  const n = state.drawn ? state.drawn.length : 0, most = MOST_POINTS_IN_ADDRESS;
  return n > most ? `A link can hold at most ${most} drawn points, not ${n}; download points.csv instead.` : null;
}
