"use strict";
// Check boxes that show or hide the arrows and the layers of the planes.

const FEW_ELLIPSES = 12;
const LAYER_NAMES = { data: "data", reconstructions: "reconstructions", samples: "samples from the model" };

class Toggles {
  // It changes view.arrows and view.show in place; onEllipses(whether to show a few posteriors).
  constructor(view, onChange, onEllipses) {
    Object.assign(this, { view, onChange });
    this.boxes = ARROW_NAMES.map((name, i) => {
      const text = `${ARROW_FORMS[name].name} (${i + 1})`;
      const box = this.add("arrows", text, (on) => { view.arrows[name] = on; }, arrowSample(name));
      box.setAttribute("aria-keyshortcuts", String(i + 1));
      return box;
    });
    this.layers = Object.entries(LAYER_NAMES).map(([name, text]) => [
      name, this.add("layers", text, (on) => { view.show[name] = on; }),
    ]);
    this.ellipses = this.add("layers", `ellipses of ${FEW_ELLIPSES} posteriors`, onEllipses);
    this.show();
  }

  add(parent, text, onSwitch, ...before) {
    const label = document.createElement("label"), box = fieldElement("checkbox", {});
    box.addEventListener("change", () => {
      onSwitch(box.checked);
      this.onChange();
    });
    label.append(box, ...before, textElement("span", text));
    byId(parent).append(label);
    return box;
  }

  show() {
    this.boxes.forEach((box, i) => { box.checked = this.view.arrows[ARROW_NAMES[i]]; });
    for (const [name, box] of this.layers) box.checked = this.view.show[name];
    this.ellipses.checked = this.view.ellipses.size > 0;
  }

  press(number) {
    this.boxes[number].click();
  }
}
