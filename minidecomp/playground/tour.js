"use strict";
// The tour: each stop is a preset with one question and what to look for.

class Tour {
  // stops: {id, title, question, look_for, options, steps}; onStop(stop or null)
  constructor(element, stops, onStop) {
    Object.assign(this, { element, stops, onStop, at: -1 });
    this.part = (name) => byId(`tour-${name}`);
    this.part("begin").addEventListener("click", () => this.goTo(0));
    this.part("previous").addEventListener("click", () => this.goTo(this.at - 1));
    this.part("next").addEventListener("click", () => this.goTo(this.at + 1));
    this.part("again").addEventListener("click", () => this.goTo(this.at));
    this.part("leave").addEventListener("click", () => this.goTo(-1));
    this.show();
  }

  get stop() {
    return this.at < 0 ? null : this.stops[this.at];
  }

  goTo(at) {
    const pressed = document.activeElement;
    this.at = Math.min(Math.max(at, -1), this.stops.length - 1);
    this.show();
    if (pressed.hidden || pressed.disabled) this.focusOther();
    this.onStop(this.stop);
  }

  // If the focused button vanished, the keyboard would be back at the top of the page.
  focusOther() {
    const others = ["next", "previous", "begin"].map((name) => this.part(name));
    others.find((each) => !each.hidden && !each.disabled).focus();
  }

  // Shows the stop that an address names; the address itself has the options.
  showStop(id) {
    this.at = this.stops.findIndex((stop) => stop.id === id);
    this.show();
  }

  show() {
    const { stop } = this, on = stop !== null;
    for (const name of ["previous", "next", "again", "leave", "look"]) this.part(name).hidden = !on;
    this.part("begin").hidden = on;
    this.part("begin").textContent = `Take the tour (${this.stops.length} stops)`;
    this.element.hidden = this.stops.length === 0;
    this.part("place").textContent = on ? `${this.at + 1} of ${this.stops.length}` : "";
    this.part("title").textContent = on ? stop.title : "";
    this.part("question").textContent = on ? stop.question : "";
    this.part("look-for").textContent = on ? stop.look_for : "";
    this.part("steps").textContent = on && stop.steps ? `Wait for about ${stop.steps} steps.` : "";
    this.part("previous").disabled = this.at <= 0;
    this.part("next").disabled = this.at === this.stops.length - 1;
    this.part("look").open = false;
  }
}
