"use strict";
// Writes a config.toml that trains the same model with the command, reads one, and shows it in a dialog.

const LONGEST_LINE = 1000; // characters in config.toml
// Options that say how a run began; neither the page nor the command begins like that.
const OPTIONS_OF_A_BEGINNING = ["from_run", "from_which", "keep_optimizer"];

// Options in config.toml that do not change the page's steps.
const OPTIONS_WITHOUT_EFFECT = [
  "version", "epochs", "dtype", "threads", "engine", "checkpoint_every", "data_dir", "log", "log_gradients",
  "test_fraction",
];

// The text of config.toml. fileOptions are those for the file of points, {data: "points.csv", ...}; for the pinwheel {}
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

// JSON strings are TOML strings, except for this one character.
function tomlText(text) {
  return JSON.stringify(text).replace(/\x7f/g, "\\u007f");
}

// Reads a config.toml of plain lines "key = value": {options, refused}; refused are messages about what was ignored.
function readConfig(text, dataNames) {
  const options = {}, refused = [];
  for (const each of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    const line = each.trim(), at = line.indexOf("="), name = line.slice(0, Math.max(at, 0)).trim();
    if (line === "" || line.startsWith("#")) continue;
    const isPlain = line.length <= LONGEST_LINE && /^[A-Za-z0-9_-]+$/.test(name);
    const value = isPlain ? readTomlValue(line.slice(at + 1).trim()) : undefined;
    if (value === undefined) refused.push(`the line ${shortened(line)} is not of the form name = value`);
    else takeConfigValue(options, refused, name, value, dataNames);
  }
  return { options, refused };
}

function takeConfigValue(options, refused, name, value, dataNames) {
  if (OPTIONS_WITHOUT_EFFECT.includes(name)) return;
  if (name === "data") {
    if (dataNames.includes(value)) options.data = value;
    else refused.push(`drop its data, ${shortened(String(value))}, on the page as well`);
  } else if (Object.hasOwn(FIRST_OPTIONS, name) || name === "scale") {
    const read = readSetting(name, settingText(value));
    if ("fault" in read) refused.push(read.fault);
    else options[name] = read.value;
  } else if (!isUsualValue(name, value)) {
    refused.push(`${shortened(name)} = ${shortened(settingText(value))} cannot be used in the page`);
  }
}

// Whether an option that the page does not have is set to what the page does anyway
function isUsualValue(name, value) {
  const option = Object.hasOwn(CONSTANTS.options, name) ? CONSTANTS.options[name] : undefined;
  return option !== undefined && option.default !== null && sameSetting(option.default, value);
}

// A text, a number as its text, true or false, or a list of these; undefined for anything else
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

// The page's options that the command needs; those of a run's data are included only with those data.
function optionsToSave(options, ofTheRun) {
  const kept = (name) => (ofTheRun ? !OPTIONS_OF_A_BEGINNING.includes(name) : Object.hasOwn(CONSTANTS.defaults, name));
  const names = Object.keys(options).filter(kept);
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

// Downloads a text as a file.
function downloadText(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The dialog with everything that is needed to train the model again.
class SaveDialog {
  constructor(dialog) {
    this.dialog = dialog;
    this.part = (name) => dialog.querySelector(`#save-${name}`);
    this.part("config-button").addEventListener("click", () => downloadText("config.toml", this.config));
    this.part("points-button").addEventListener("click", () => downloadText(this.file.name, this.file.text));
    this.part("link-button").addEventListener("click", () => this.copyLink());
    this.part("close").addEventListener("click", () => dialog.close());
  }

  // file: {name, text} of the points, or null if the command makes them itself; notes: lines to show
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
      this.part("copied").textContent = "This browser does not let the page copy: copy the selected text.";
    }
  }
}
