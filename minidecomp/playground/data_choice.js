"use strict";
// The data that the user chooses, draws, drops or changes, and what follows for the page's options.

const LARGEST_FILE = 5e6; // bytes
const STILL_TO_GIVE = {
  drawn: "Draw points below, then press “Train on them”.",
  table: "Open a table below, or drop one on the page.",
};

class DataChoice {
  constructor(page) {
    this.page = page; // the Playground, which holds the data and the options
    this.given = { drawn: null, table: null }; // what the user gave: drawn points, a CSV file
    this.fits = {}; // what was changed to suit the data: see fitsOfData
    this.likelihoodGiven = false; // the user chose the likelihood, so new data do not change it
  }

  listenForDrops() {
    const over = (on) => document.body.classList.toggle("dropping", on);
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    document.addEventListener("dragleave", () => over(false));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      this.takeFile(event.dataTransfer.files[0]);
    });
  }

  // Makes the data of that name and uses them; false, and a message beside the choice, if it cannot
  makeData(name) {
    try {
      if (name in STILL_TO_GIVE && !this.given[name]) throw new Error(STILL_TO_GIVE[name]);
      const make = () => DATASETS[name].make({ ...this.page.options, data: name }, this.given[name]);
      this.useData(name === OF_THE_RUN ? this.page.run.data : make(), name);
      byId("fault-data").textContent = "";
      return true;
    } catch (error) {
      byId("fault-data").textContent = error.message;
      return false;
    }
  }

  useData(data, name) {
    const others = this.page.data && this.page.data.columns.join() !== data.columns.join();
    this.page.data = this.page.view.data = data;
    this.page.panel.columns = data.columns;
    this.fitOptions({ ...withoutFits(this.page.options, this.fits), data: name });
    this.page.view.columns = twoWithin(others ? [0, 1] : this.page.view.columns, data.width);
    if (this.page.view.chosen !== null && this.page.view.chosen >= data.rows) this.page.view.chosen = null;
    this.page.setEllipses(this.page.view.ellipses.size > 0);
    this.showAboutData();
  }

  // The options that suit the data; a run's own options suit its data
  fitOptions(options) {
    const ofTheRun = options.data === OF_THE_RUN, asTheRun = ofTheRun && sameShape(options, this.page.run.options);
    const own = ofTheRun ? options : withoutOwnVariances(options);
    const fitted = optionsForData(own, this.page.data, this.likelihoodGiven || ofTheRun);
    this.page.options = asTheRun ? own : { ...fitted, data: options.data };
    this.fits = fitsOfData(own, this.page.options);
  }

  showAboutData() {
    const { data } = this.page, isTable = this.page.options.data === "table";
    byId("about-data").textContent = splitNote(data);
    byId("standardise-setting").hidden = !isTable && !this.given.table;
    byId("standardise").checked = this.page.options.scale === "standardise";
    byId("columns").hidden = Boolean(data.imageShape) || data.width <= 2;
    for (const [place, field] of [byId("column-1"), byId("column-2")].entries()) {
      field.replaceChildren(...data.columns.map((name, i) => new Option(name, String(i))));
      field.value = String(this.page.view.columns[place]);
    }
  }

  // Chooses the column of the horizontal axis (place 0) or the vertical one (place 1); a shown column swaps places.
  chooseColumn(place, column) {
    const { columns } = this.page.view, other = columns[1 - place] === column ? columns[place] : columns[1 - place];
    this.page.view.columns = place === 0 ? [column, other] : [other, column];
    this.showAboutData();
    this.page.viewChanged();
  }

  standardise(on) {
    const scale = on ? "standardise" : "none";
    if (this.page.options.data !== "table") this.page.options = { ...this.page.options, scale };
    else if (this.changeData({ scale })) byId("standardise").checked = !on;
  }

  // The message about data that could not be made, taken from beside the choice to be shown elsewhere
  takenFault() {
    const fault = byId("fault-data").textContent;
    byId("fault-data").textContent = "";
    return fault;
  }

  chooseData(name) {
    if (name === "drawn" && !this.given.drawn) byId("pad").open = true;
    this.likelihoodGiven = false;
    if (this.makeData(name)) this.page.goOnWithData();
    else byId("data-choice").value = this.page.options.data;
  }

  changeData(changes) {
    const before = this.page.options;
    this.page.options = { ...this.page.options, ...changes };
    if (this.makeData(this.page.options.data)) {
      this.page.begin(null);
      return null;
    }
    this.page.options = before;
    return "scale" in changes ? byId("fault-data").textContent : this.takenFault();
  }

  takeDrawn(points) {
    return this.take("drawn", points) ? null : this.takenFault();
  }

  // Continues with data that the user gives, or keeps the earlier data and returns false.
  take(name, given) {
    const before = this.given[name];
    this.given[name] = given;
    this.likelihoodGiven = false;
    const isTaken = this.makeData(name);
    if (isTaken) this.page.goOnWithData();
    else this.given[name] = before;
    return isTaken;
  }

  async takeFile(file) {
    if (!file) return;
    if (file.size > LARGEST_FILE) {
      const size = (file.size / 1e6).toFixed(1);
      this.page.say([`${file.name}: the file must be ${LARGEST_FILE / 1e6} MB or less, not ${size} MB`]);
      return;
    }
    try {
      const text = await file.text();
      if (/\.toml$/i.test(file.name)) this.takeConfig(file.name, text);
      else this.takeTable({ name: file.name, text });
    } catch (error) {
      this.page.say([`${file.name}: ${error.message}`]); // a folder, or a file that is gone
    }
    byId("file").value = "";
  }

  takeTable(table) {
    if (this.take("table", table)) return;
    byId("standardise-setting").hidden = false; // numbers that are too large can be standardised
    this.page.say([byId("fault-data").textContent]);
  }

  takeConfig(name, text) {
    const { options, refused } = readConfig(text, Object.keys(DATASETS));
    const { page, fits } = this, before = page.options, { data = before.data, ...others } = options;
    this.fits = {};
    this.likelihoodGiven = "likelihood" in others;
    this.page.options = withSettings({ ...CONSTANTS.defaults, data: before.data }, others);
    const fault = this.makeData(data) ? this.page.faultOf(this.page.options) : this.takenFault();
    const lines = refused.map((line) => `${name}: ${line}.`);
    if (!fault) {
      this.page.begin(null, [`The settings are those of ${name}.`, ...lines]);
      return;
    }
    page.options = before;
    this.fits = fits;
    this.makeData(this.page.options.data);
    this.page.say([`${name}: ${fault}`, ...lines]);
  }
}
