"use strict";
// The page's state as the part of its address after the #, which a link can hold, and back.

const MOST_POINTS_IN_ADDRESS = 500;
const DRAWN_STEP = 1000; // drawn points stand on a grid of so many places a unit, so that an address holds them exactly
const ARROW_NAMES = ["log_likelihood", "kl", "regulariser", "sum"];

// What an address can set
function addressOptions() {
  const shown = SETTING_GROUPS.flatMap((group) => group.names);
  return ["data", "data_seed", "points_per_arm", ...shown, "decoder_hidden", "decoder_activation", "init", "seed"];
}

// Only what differs from the state's base, which is what the page has where the address says nothing.
// state: {options, base: options, view: {chosen, arrows, dims}, drawn: [[x, y], ..] or null, table: name or null,
// stop: id or null}
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
  const { chosen, arrows, dims, dimsChosen } = state.view;
  if (chosen !== null) add("point", String(chosen));
  const shown = ARROW_NAMES.filter((name) => arrows[name]);
  if (shown.join() !== "log_likelihood,kl,regulariser") add("arrows", shown.join());
  if (dimsChosen) add("dims", dims.map((d) => d + 1).join());
  return parts.join("&");
}

// What an address says: {options, stop, view, drawn, table, refused}; refused are lines about what was not taken.
function readAddress(text, stops, dataNames) {
  const found = { options: {}, stop: null, view: {}, drawn: null, table: null, refused: [] };
  for (const part of text.replace(/^#/, "").split("&").filter(Boolean)) {
    const at = part.indexOf("="), name = at < 0 ? part : part.slice(0, at);
    const value = decodedPart(at < 0 ? "" : part.slice(at + 1));
    if (value === null) found.refused.push(`${shortened(name)} in the address is no text`);
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
    if (!found.drawn) refuse("points that the page has packed");
  } else if (name === "point") {
    if (/^\d{1,6}$/.test(value)) found.view.chosen = Number(value);
    else refuse("a point's number from 0");
  } else if (name === "arrows") {
    const shown = value === "" ? [] : value.split(",");
    if (!shown.every((each) => ARROW_NAMES.includes(each))) refuse(`some of ${ARROW_NAMES.join(", ")}`);
    else found.view.arrows = Object.fromEntries(ARROW_NAMES.map((each) => [each, shown.includes(each)]));
  } else if (name === "dims") {
    const dims = value.split(",").map((each) => (/^\d{1,3}$/.test(each) ? Number(each) - 1 : NaN));
    if (dims.length === 2 && dims[0] !== dims[1] && dims.every((d) => d >= 0)) Object.assign(found.view, { dims, dimsChosen: true });
    else refuse("two numbers of dimensions from 1");
  } else {
    found.refused.push(`${shortened(name)} in the address names nothing that can be set`);
  }
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

// The points, or null for a text that packs none
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

// What a link to this state leaves out, in one line; null if it leaves out nothing
function leftOutOfAddress(state) {
  if (state.table) {
    return `A link cannot hold the table ${state.table}; who opens it drops that table on the page, too.`;
  }
  const n = state.drawn ? state.drawn.length : 0, most = MOST_POINTS_IN_ADDRESS;
  return n > most ? `A link holds ${most} drawn points at most, not ${n}; save points.csv instead.` : null;
}
