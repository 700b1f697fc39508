"use strict";
// The controls of the settings: a slider with a number field, a choice, a check box.

function byId(id) {
  return document.getElementById(id);
}

function textElement(tag, text, className) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function fieldElement(type, attributes) {
  const field = document.createElement("input");
  field.type = type;
  for (const [name, value] of Object.entries(attributes)) field.setAttribute(name, value);
  return field;
}

// A short arrow, as the plane draws it for a term
function arrowSample(term) {
  const form = ARROW_FORMS[term], stroke = `var(--${form.colour})`;
  const root = svg("svg", { viewBox: "0 0 40 12", "aria-hidden": "true" });
  const dash = form.dash.length ? { "stroke-dasharray": form.dash.join(" ") } : {};
  svg("path", { d: "M1 6H30", stroke, "stroke-width": 2.5, ...dash }, root);
  for (let k = 0; k < form.heads; k++) {
    const tip = 39 - 6 * k, d = `M${tip - 9} 1.5L${tip} 6L${tip - 9} 10.5`;
    svg("path", form.open ? { d, stroke, fill: "none", "stroke-width": 2 } : { d: `${d}Z`, fill: stroke }, root);
  }
  return root;
}

// One option's control. onChange(name, value) is called with allowed values only; it returns an error message, or null.
class SettingControl {
  constructor(name, onChange) {
    this.name = name;
    this.onChange = onChange;
    this.limits = settingLimits(name);
    this.element = document.createElement("div");
    const form = this.limits.choices ? "choice" : this.limits.kind === "bool" ? "box" : "number";
    this.element.className = `setting ${form}`;
    this.label = textElement("label", SETTING_LABELS[name]);
    this.label.htmlFor = `set-${name}`;
    this.label.title = SETTING_HELP[name];
    this.fault = textElement("p", "", "fault");
    this.fault.id = `fault-${name}`;
    this.fault.setAttribute("role", "alert");
    this.element.append(this.label, ...this.fields(), this.fault);
    this.field.setAttribute("aria-describedby", `${helpId(name)} ${this.fault.id}`);
  }

  fields() {
    const { choices, kind } = this.limits;
    if (choices) return [this.makeChoice(choices)];
    if (kind === "bool") return [this.makeBox()];
    const parts = [this.makeNumberField()];
    if (SLIDERS[this.name]) parts.unshift(this.makeSlider(SLIDERS[this.name]));
    return parts;
  }

  makeChoice(choices) {
    this.field = document.createElement("select");
    this.field.id = `set-${this.name}`;
    for (const choice of choices) this.field.append(new Option(choice, choice));
    this.field.addEventListener("change", () => this.take(this.field.value));
    return this.field;
  }

  makeBox() {
    this.field = fieldElement("checkbox", { id: `set-${this.name}` });
    this.field.addEventListener("change", () => this.take(String(this.field.checked)));
    return this.field;
  }

  makeNumberField() {
    const mode = this.limits.kind === "float" ? "decimal" : this.limits.kind === "tuple" ? "text" : "numeric";
    this.field = fieldElement("text", {
      id: `set-${this.name}`, inputmode: mode, autocomplete: "off", spellcheck: "false",
    });
    this.field.addEventListener("change", () => this.take(this.field.value));
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.show(this.value);
    });
    return this.field;
  }

  makeSlider(slider) {
    const label = { "aria-label": SETTING_LABELS[this.name], "aria-describedby": helpId(this.name) };
    this.slider = fieldElement("range", { min: 0, max: SLIDER_PLACES, step: 1, ...label });
    this.slider.addEventListener("input", () => this.takePlace(slider, Number(this.slider.value)));
    // An arrow key always changes the value, though several places of the slider can stand for the same one.
    this.slider.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way) return;
      event.preventDefault();
      let place = Number(this.slider.value) + way;
      while (place > 0 && place < SLIDER_PLACES && valueAtPlace(slider, place) === this.value) place += way;
      this.takePlace(slider, Math.min(Math.max(place, 0), SLIDER_PLACES));
    });
    return this.slider;
  }

  takePlace(slider, place) {
    this.take(String(valueAtPlace(slider, place)));
  }

  take(text) {
    const read = readSetting(this.name, text);
    const fault = "fault" in read ? read.fault : this.onChange(this.name, read.value);
    this.say(fault);
    if (!fault) return;
    if (this.limits.choices) this.field.value = settingText(this.value);
    if (this.limits.kind === "bool") this.field.checked = this.value;
    this.showSlider(this.value);
  }

  say(fault) {
    this.fault.textContent = fault || "";
    if (this.field) this.field.setAttribute("aria-invalid", fault ? "true" : "false");
  }

  show(value) {
    this.value = value;
    this.say(null);
    if (this.limits.kind === "bool") this.field.checked = value;
    else this.field.value = settingText(value);
    this.showSlider(value);
  }

  showSlider(value) {
    if (!this.slider) return;
    const place = placeOfValue(SLIDERS[this.name], value);
    if (valueAtPlace(SLIDERS[this.name], Number(this.slider.value)) !== value) this.slider.value = String(place);
    this.slider.setAttribute("aria-valuetext", settingText(value));
  }
}

function helpId(name) {
  return `help-${name}`;
}

// What the settings of a group do, in a list that can be opened
class SettingHelp {
  constructor(group, names) {
    const box = document.createElement("details"), list = document.createElement("dl");
    box.className = "help";
    box.append(textElement("summary", "What these do"), list);
    this.lines = names.map((name) => [name, this.line(list, name)]);
    group.append(box);
  }

  line(list, name) {
    const line = document.createElement("div"), text = textElement("dd", SETTING_HELP[name]);
    text.id = helpId(name);
    line.append(textElement("dt", SETTING_LABELS[name]), text);
    list.append(line);
    return line;
  }

  show(options) {
    for (const [name, line] of this.lines) line.hidden = !settingMatters(name, options);
  }
}

// All groups of settings, before an element of the parent. onChange(changes) returns an error message, or null.
class Controls {
  constructor(parent, before, onChange) {
    this.controls = new Map();
    this.helps = [new SettingHelp(before, ["points_per_arm", "data_seed", "seed"])];
    for (const { title, names } of SETTING_GROUPS) {
      const group = document.createElement("fieldset");
      group.append(textElement("legend", title));
      for (const name of names) group.append(this.add(name, onChange).element);
      this.helps.push(new SettingHelp(group, names));
      parent.insertBefore(group, before);
    }
  }

  add(name, onChange) {
    const control = new SettingControl(name, (each, value) => onChange({ [each]: value }));
    this.controls.set(name, control);
    return control;
  }

  // Shows the options, hides those that have no effect with the others, and removes error messages.
  show(options) {
    for (const [name, control] of this.controls) {
      control.element.hidden = !settingMatters(name, options);
      control.show(options[name]);
    }
    for (const help of this.helps) help.show(options);
    const kl = this.controls.get("kl");
    const closed = options.prior === "gaussian";
    for (const choice of kl.field.options) choice.disabled = choice.value === "analytic" && !closed;
  }
}
