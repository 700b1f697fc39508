"use strict";
// The page's keys, and the list of them.

const KEYS = [
  ["Space", "play or pause"], ["→ or s", "one step"], ["r", "reset: restart from the seed"],
  ["1, 2, 3, 4", "arrows of the reconstruction, beta KL, alpha D, their sum"],
  ["p", "the chosen point's numbers in each formula"], ["?", "this list"],
  ["arrow keys on a plane", "choose the next point; Escape deselects it"],
];

class Keys {
  // actions: play, step, reset, read, arrow(number from 0)
  constructor(dialog, actions) {
    Object.assign(this, { dialog, actions });
    for (const [key, what] of KEYS) {
      const row = document.createElement("tr");
      row.append(textElement("td", key), textElement("td", what));
      byId("keys-rows").append(row);
    }
    byId("keys-button").addEventListener("click", () => dialog.showModal());
    byId("keys-close").addEventListener("click", () => dialog.close());
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const changed = event.ctrlKey || event.altKey || event.metaKey;
    if (event.defaultPrevented || changed || document.querySelector("dialog[open]")) return;
    const action = this.actionOf(event.key, event.target);
    if (!action) return;
    event.preventDefault();
    action();
  }

  // A field keeps the keys that it needs; a plane and a slider do not need the space bar.
  actionOf(key, target) {
    const { play, step, reset, read, arrow } = this.actions;
    const number = ARROW_NAMES.findIndex((_, i) => key === String(i + 1));
    if (target.matches("select, textarea, input[type=text]")) return null;
    if (key === " ") return target.matches("input:not([type=range]), button, summary, a") ? null : play;
    if (key === "ArrowRight") return target.matches("input, canvas") ? null : step;
    if (key === "s") return step;
    if (key === "r") return reset;
    if (key === "p") return read;
    if (key === "?") return () => this.dialog.showModal();
    return number >= 0 ? () => arrow(number) : null;
  }
}
