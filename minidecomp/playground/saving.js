"use strict";
// A config.toml that trains the same model with the command, and back from one; the dialog that shows it.

const LONGEST_LINE = 1000; // letters of config.toml's
// How a run began that the page's, or the command's, does not begin with.
const OPTIONS_OF_A_BEGINNING = ["from_run", "from_which", "keep_optimizer"];

// Options of config.toml that change no step that the page makes.
const OPTIONS_WITHOUT_EFFECT = [
  "version", "epochs", "dtype", "threads", "engine", "checkpoint_every", "data_dir", "log", "log_gradients",
  "test_fraction",
];

// config.toml's text. fileOptions are what the points' file needs, as {data: "points.csv", ...}; for the pinwheel {}.
function configText(options, epochs, fileOptions) {
  const values = { ...options, epochs: Math.max(1, epochs), dtype: "float64", engine: "cpu", ...fileOptions };
  const given = Object.keys(values).filter((name) => values[name] !== null && values[name] !== undefined);
  const names = given.filter((name) => Object.hasOwn(CONSTANTS.options, name) && settingMatters(name, values));
  return names.map((name) => `${name} = ${tomlValue(name, values[name])}\n`).join("");
}

function tomlValue(name, value) {
  if (Array.isArray(value)) return `[${value.map((each) => tomlValue("", each)).join(", ")}]`;
  const { kind } = Object.hasOwn(CONSTANTS.options, name) ? CONSTANTS.options[name] : {};
  if (typeof value === "string") return kind === "int" ? value : tomlText(value);
  const text = String(value);
  return kind === "float" && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

// JSON's texts are TOML's, but for this one letter.
function tomlText(text) {
  return JSON.stringify(text).replace(/\x7f/g, "\\u007f");
}

// A config.toml of plain lines "key = value": {options, refused}, where refused are lines about what was not taken.
function readConfig(text, dataNames) {
  const options = {}, refused = [];
  for (const each of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    const line = each.trim(), at = line.indexOf("="), name = line.slice(0, Math.max(at, 0)).trim();
    if (line === "" || line.startsWith("#")) continue;
    const isPlain = line.length <= LONGEST_LINE && /^[A-Za-z0-9_-]+$/.test(name);
    const value = isPlain ? readTomlValue(line.slice(at + 1).trim()) : undefined;
    if (value === undefined) refused.push(`the line ${shortened(line)} is no "name = value"`);
    else takeConfigValue(options, refused, name, value, dataNames);
  }
  return { options, refused };
}

function takeConfigValue(options, refused, name, value, dataNames) {
  if (OPTIONS_WITHOUT_EFFECT.includes(name)) return;
  if (name === "data") {
    if (dataNames.includes(value)) options.data = value;
    else refused.push(`drop its data, ${shortened(String(value))}, on the page, too`);
  } else if (Object.hasOwn(FIRST_OPTIONS, name) || name === "scale") {
    const read = readSetting(name, settingText(value));
    if ("fault" in read) refused.push(read.fault);
    else options[name] = read.value;
  } else if (!isUsualValue(name, value)) {
    refused.push(`${shortened(name)} = ${shortened(settingText(value))} is not for the page`);
  }
}

// Whether an option that the page has not got says there what the page does anyway
function isUsualValue(name, value) {
  const option = Object.hasOwn(CONSTANTS.options, name) ? CONSTANTS.options[name] : undefined;
  return option !== undefined && option.default !== null && sameSetting(option.default, value);
}

// A text, a number as its text, true or false, or a list of these; undefined if it is none
function readTomlValue(written) {
  const text = withoutComment(written);
  if (/^"/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }
  if (/^'[^']*'$/.test(text)) return text.slice(1, -1);
  if (/^(true|false)$/.test(text)) return text === "true";
  const list = /^\[(.*)\]$/.exec(text);
  if (list) {
    const texts = list[1].split(",").map((part) => part.trim()).filter(Boolean);
    const parts = texts.map((part) => (part.startsWith("[") ? undefined : readTomlValue(part)));
    return parts.includes(undefined) ? undefined : parts;
  }
  const number = text.replace(/(\d)_(?=\d)/g, "$1");
  return CELL_NUMBER.test(number) ? number : undefined;
}

function withoutComment(text) {
  const whole = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^#"']*|\[[^\]]*\])\s*(#.*)?$/.exec(text);
  return (whole ? whole[1] : text).trim();
}

// The options that the command needs of those the page has: a run's own ones of its data go with that data only.
function optionsToSave(options, ofTheRun) {
  const kept = (name) => (ofTheRun ? !OPTIONS_OF_A_BEGINNING.includes(name) : Object.hasOwn(CONSTANTS.defaults, name));
  const names = Object.keys(options).filter(kept);
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

// Lets the browser save a text as a file.
function downloadText(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The dialog with everything that trains the model again.
class SaveDialog {
  constructor(dialog) {
    this.dialog = dialog;
    this.part = (name) => dialog.querySelector(`#save-${name}`);
    this.part("config-button").addEventListener("click", () => downloadText("config.toml", this.config));
    this.part("points-button").addEventListener("click", () => downloadText(this.file.name, this.file.text));
    this.part("link-button").addEventListener("click", () => this.copyLink());
    this.part("close").addEventListener("click", () => dialog.close());
  }

  // file: {name, text} of the points, or null where the command makes them itself; notes: lines to mind
  show(config, file, link, notes) {
    Object.assign(this, { config, file });
    this.part("config").textContent = config;
    this.part("command").textContent = "minidecomp train --config config.toml";
    this.part("link").value = link;
    this.part("points-button").hidden = file === null;
    if (file) this.part("points-button").textContent = `Download ${file.name}`;
    this.part("notes").replaceChildren(...notes.map((note) => textElement("p", note)));
    this.part("copied").textContent = "";
    this.dialog.showModal();
  }

  async copyLink() {
    const field = this.part("link");
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      this.part("copied").textContent = "Copied.";
    } catch {
      this.part("copied").textContent = "This browser lets no page copy: copy the marked text.";
    }
  }
}
