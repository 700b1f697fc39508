"use strict";
// The playground: it joins the controls, the views, the address and the thread that trains.

const SPOKEN_MS = 5000; // from one spoken status to the next while it trains, at least
const REDUCED_MS = 500; // from one drawing to the next where motion is reduced
const ADDRESS_MS = 1000;
const LARGEST_FILE = 5e6; // bytes
const PACES = [["full speed", Infinity], ["20 steps a second", 20], ["5 steps a second", 5], ["1 step a second", 1]];
const STILL_TO_GIVE = {
  drawn: "Draw points below, then train on them.",
  table: "Choose a table below, or drop one on the page.",
};
const CHANGED_LATE = "A setting was changed after the first step. The command trains with the present settings from the "
  + "start, so its numbers differ.";

class Playground {
  constructor(content) {
    this.run = content && decodedRun(content);
    this.motion = matchMedia("(prefers-reduced-motion: reduce)");
    this.view = {
      chosen: null, ellipses: new Set(), arrows: { log_likelihood: true, kl: true, regulariser: true, sum: false },
      dims: [0, 1], dimsChosen: false, columns: [0, 1], show: { data: true, reconstructions: true, samples: false }, data: null,
      reducedMotion: this.motion.matches,
    };
    this.given = { drawn: null, table: null }; // what a person gave: drawn points, a CSV file
    this.running = true;
    this.noThread = null; // why there is no thread that trains, in a line
    this.event = ""; // what was changed last
    this.changedLate = false; // a setting was changed after the first step
    this.lastDrawn = this.lastSpoken = -Infinity;
    this.makeParts();
    this.listen();
    this.startWorker();
    this.restore();
  }

  // ---- parts ----

  makeParts() {
    const choose = { onChoose: (index) => this.choose(index), onRead: () => this.readPoint() };
    this.curves = new LiveCurves(byId("curves"));
    this.panel = new PointPanel(byId("point-panel"));
    this.views = [
      new LatentPlane(byId("latent-plane"), choose), new DataPlane(byId("data-plane"), choose),
      new Dials(byId("dials")), this.curves, new Shares(byId("shares")),
      new Dimensions(byId("dimensions"), { onDims: (dims) => this.showDims(dims) }), this.panel,
    ];
    this.controls = new Controls(byId("settings"), byId("data-settings"), (changes) => this.changeSettings(changes));
    byId("seed-place").append(this.controls.add("seed", (changes) => this.changeSettings(changes)).element);
    for (const name of ["points_per_arm", "data_seed"]) {
      byId("data-choice").parentElement.after(this.controls.add(name, (changes) => this.changeData(changes)).element);
    }
    this.tour = new Tour(byId("tour"), TOUR, (stop) => this.goToStop(stop));
    this.pad = new DrawingPad(byId("pad"), (points) => this.takeDrawn(points));
    this.saving = new SaveDialog(byId("save"));
    for (const [text, pace] of PACES) byId("pace").append(new Option(text, String(pace)));
    if (this.run) byId("data-choice").append(new Option(`of the run: ${this.run.data.name}`, OF_THE_RUN));
    for (const [name, { title }] of Object.entries(DATASETS)) byId("data-choice").append(new Option(title, name));
    this.toggles = new Toggles(this.view, () => this.viewChanged(), (few) => this.showEllipses(few));
    this.keys = new Keys(byId("keys"), {
      play: () => this.playOrPause(), step: () => this.oneStep(), reset: () => this.begin(null),
      read: () => this.readPoint(), arrow: (number) => this.toggles.press(number),
    });
  }

  showEllipses(few) {
    this.view.ellipses = new Set(few ? evenlySpread(this.data.rows, FEW_ELLIPSES) : []);
    this.viewChanged();
  }

  listen() {
    byId("play").addEventListener("click", () => this.playOrPause());
    byId("step").addEventListener("click", () => this.oneStep());
    byId("reset").addEventListener("click", () => this.begin(null));
    byId("pace").addEventListener("change", () => this.sendPace());
    byId("save-button").addEventListener("click", () => this.save());
    byId("data-choice").addEventListener("change", () => this.chooseData(byId("data-choice").value));
    byId("file").addEventListener("change", () => this.takeFile(byId("file").files[0]));
    byId("pad").addEventListener("toggle", () => this.pad.draw());
    document.addEventListener("visibilitychange", () => this.redraw());
    addEventListener("hashchange", () => this.restore());
    addEventListener("resize", () => this.redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    this.motion.addEventListener("change", () => {
      this.view.reducedMotion = this.motion.matches;
      this.redraw();
    });
    this.listenForDrops();
  }

  listenForDrops() {
    const { body } = document, over = (on) => body.classList.toggle("dropping", on);
    body.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    body.addEventListener("dragleave", () => over(false));
    body.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      this.takeFile(event.dataTransfer.files[0]);
    });
  }

  startWorker() {
    const advice = "open it in another one, or from a server";
    const fault = (why) => {
      this.noThread = `This browser lets the page start no thread that trains (${why}): ${advice}.`;
      this.say([]);
    };
    try {
      this.worker = trainingWorker((message) => this.receive(message), fault);
    } catch (error) {
      fault(error.message);
    }
  }

  send(message) {
    if (this.worker) this.worker.postMessage(message);
  }

  sendPace() {
    this.send({ do: "pace", stepsPerSecond: Number(byId("pace").value) });
  }

  // Lines for a person, at the top of the page
  say(lines) {
    const all = this.noThread ? [this.noThread, ...lines] : lines;
    byId("note").replaceChildren(...all.map((line) => textElement("p", line)));
  }

  // ---- the state: from the address, a run, a stop, a control ----

  restore() {
    const found = readAddress(location.hash, this.tour.stops.map((stop) => stop.id), Object.keys(DATASETS));
    const { data, ...options } = found.options, lines = found.refused;
    this.tour.showStop(found.stop);
    Object.assign(this.view, found.view);
    this.toggles.show();
    if (found.drawn) this.given.drawn = found.drawn;
    if (found.table && !this.given.table) {
      lines.push(`The link was made with the table ${shortened(found.table)}, which it cannot hold: drop it here.`);
    }
    this.options = withSettings(this.base(), options);
    if (this.run) lines.push(...this.run.notes);
    if (!this.makeData(data || this.options.data)) {
      lines.push(byId("fault-data").textContent);
      this.makeData(this.base().data);
    }
    const fault = this.faultOf(this.options);
    if (fault) {
      lines.push(fault);
      this.options = this.base();
    }
    const goesOn = this.run && this.data === this.run.data && sameShape(this.options, this.run.options);
    this.begin(goesOn ? this.run.state : null);
    if (this.view.reducedMotion) lines.push("Your system asks for less motion: the page is drawn twice a second.");
    this.say(lines);
  }

  // The options that the page has where an address says nothing
  base() {
    return this.run && !this.tour.stop ? this.run.options : optionsOfStop(this.tour.stop);
  }

  // Makes the data of that name the page's; false, and a line beside the choice, if it cannot
  makeData(name) {
    try {
      if (name in STILL_TO_GIVE && !this.given[name]) throw new Error(STILL_TO_GIVE[name]);
      const make = () => DATASETS[name].make({ ...this.options, data: name }, this.given[name]);
      this.useData(name === OF_THE_RUN ? this.run.data : make(), name);
      byId("fault-data").textContent = "";
      return true;
    } catch (error) {
      byId("fault-data").textContent = error.message;
      return false;
    }
  }

  useData(data, name) {
    this.data = this.view.data = data;
    this.panel.columns = data.columns;
    this.options = { ...optionsForData({ ...this.options, data: name }, data), data: name };
    const columns = Math.max(data.width, 1);
    this.view.columns = [0, Math.min(1, columns - 1)];
    if (this.view.chosen !== null && this.view.chosen >= data.rows) this.view.chosen = null;
    this.view.ellipses = new Set(Array.from(this.view.ellipses).filter((i) => i < data.rows));
  }

  chooseData(name) {
    if (name === "drawn" && !this.given.drawn) byId("pad").open = true;
    if (this.makeData(name)) this.begin(null);
    else byId("data-choice").value = this.options.data;
  }

  changeData(changes) {
    const before = this.options;
    this.options = { ...this.options, ...changes };
    if (this.makeData(this.options.data)) {
      this.begin(null);
      return null;
    }
    this.options = before;
    return byId("fault-data").textContent;
  }

  takeDrawn(points) {
    const before = this.given.drawn;
    this.given.drawn = points;
    if (this.makeData("drawn")) {
      this.begin(null);
      return null;
    }
    this.given.drawn = before;
    return byId("fault-data").textContent;
  }

  async takeFile(file) {
    if (!file) return;
    if (file.size > LARGEST_FILE) {
      const size = (file.size / 1e6).toFixed(1);
      this.say([`${file.name}: a file must be ${LARGEST_FILE / 1e6} MB or less, not ${size} MB`]);
      return;
    }
    const text = await file.text();
    if (/\.toml$/i.test(file.name)) this.takeConfig(file.name, text);
    else this.takeTable({ name: file.name, text });
    byId("file").value = "";
  }

  takeTable(table) {
    const before = this.given.table;
    this.given.table = table;
    if (this.makeData("table")) {
      this.begin(null);
      return;
    }
    this.given.table = before;
    this.say([byId("fault-data").textContent]);
  }

  takeConfig(name, text) {
    const { options, refused } = readConfig(text, Object.keys(DATASETS)), before = this.options;
    const { data = before.data, ...others } = options;
    this.options = withSettings({ ...CONSTANTS.defaults, data: before.data }, others);
    const fault = this.makeData(data) ? this.faultOf(this.options) : byId("fault-data").textContent;
    if (fault) this.options = before;
    else this.begin(null);
    const first = fault ? `${name}: ${fault}` : `The settings are those of ${name}.`;
    this.say([first, ...refused.map((line) => `${name}: ${line}.`)]);
  }

  goToStop(stop) {
    if (!stop) {
      this.viewChanged();
      return;
    }
    this.options = optionsOfStop(stop);
    this.running = true;
    if (this.makeData(this.options.data)) this.begin(null);
  }

  // Adopts changed settings while training goes on; returns a fault's line, or null
  changeSettings(changes) {
    const options = withSettings(this.options, changes), fault = this.faultOf(options);
    if (fault) return fault;
    this.options = options;
    this.controls.show(options);
    this.send({ do: "change", options });
    const [name] = Object.keys(changes), step = this.snapshot ? this.snapshot.step : 0;
    this.event = `${name} is ${settingText(changes[name])} from about step ${step.toLocaleString("en")} on.`;
    if (step > 0) this.changedLate = true;
    this.viewChanged();
    return null;
  }

  faultOf(options) {
    try {
      checkOptions(options, this.data);
    } catch (error) {
      return error.message;
    }
    return optionsFault(options, this.data.width);
  }

  // Begins training anew, from the seed or from a run's state
  begin(state) {
    this.say([]);
    this.changedLate = false;
    this.snapshot = null;
    this.send({ do: "begin", options: this.options, data: this.data, state });
    this.sendPace();
    this.send({ do: this.running ? "play" : "pause" });
    this.controls.show(this.options);
    byId("data-choice").value = this.options.data;
    this.showRunning();
    this.viewChanged();
  }

  playOrPause() {
    this.running = !this.running;
    this.send({ do: this.running ? "play" : "pause" });
    this.showRunning();
  }

  oneStep() {
    this.running = false;
    this.send({ do: "step" });
    this.showRunning();
  }

  showRunning() {
    byId("play").textContent = this.running ? "Pause" : "Play";
  }

  // ---- what comes from the thread ----

  receive(message) {
    if (message.is === "snapshot") this.takeSnapshot(message);
    else if (message.is === "begun" && message.anew) this.begunAnew();
    else if (message.is === "fault") this.stopFor(message.message);
  }

  begunAnew() {
    this.curves.clear();
    this.event = `Begun anew from seed ${this.options.seed}.`;
    this.changedLate = false;
  }

  stopFor(message) {
    this.running = false;
    this.showRunning();
    this.say([`${message}: training pauses. Reset it, or take a smaller learning rate.`]);
  }

  takeSnapshot(message) {
    const { model: { dataDim, vector }, options, history } = message;
    this.snapshot = { ...message, model: { ...makeModel(options, dataDim, vector), vector } };
    this.curves.append(history);
    this.showMostSpread();
    this.unshown = true;
    this.redraw();
  }

  // Until a person chooses others the plane has the two dimensions that tell most.
  showMostSpread() {
    const { view, snapshot: { dimensions: { spread } } } = this;
    if (!view.dimsChosen && spread.length > 2) view.dims = mostSpreadDims(spread, view.dims);
  }

  // ---- drawing ----

  redraw() {
    if (this.waiting || document.hidden) return;
    this.waiting = true;
    const wait = this.view.reducedMotion ? REDUCED_MS - (performance.now() - this.lastDrawn) : 0;
    const frame = () => requestAnimationFrame(() => this.draw());
    if (wait > 0) setTimeout(frame, wait);
    else frame();
  }

  draw() {
    this.waiting = false;
    if (!this.snapshot) return;
    this.lastDrawn = performance.now();
    byId("dimensions-part").hidden = this.snapshot.options.latent_dim <= 2;
    for (const view of this.views) view.draw(this.snapshot, this.view);
    this.showStatus();
    if (this.unshown) this.send({ do: "shown" });
    this.unshown = false;
  }

  showStatus() {
    const { step, epoch, stepsPerSecond, running } = this.snapshot;
    const where = `Step ${step.toLocaleString("en")}, epoch ${epoch.toLocaleString("en")}`;
    const pace = running ? `${Math.round(stepsPerSecond)} steps a second` : "paused";
    byId("status").textContent = `${where}, ${pace}. ${this.event}`;
    this.speak(where);
  }

  // Aloud: another zone of a dial, or what was changed; where training stands still also the numbers, at once.
  speak(where) {
    const { step, dials, running } = this.snapshot, now = performance.now(), words = this.dialsInWords();
    const news = `${words} ${this.event}`, still = running ? this.spokenStill : step;
    const known = news === this.spokenNews && still === this.spokenStill;
    if (known || (running && now - this.lastSpoken < SPOKEN_MS)) return;
    const numbers = `KL(p || q) ${dials.klPQ.toFixed(2)}, `
      + `mutual information ${dials.mutualInformation.toFixed(2)} of ${dials.mostInformation.toFixed(2)} nats. `;
    const event = this.event === this.spokenEvent ? "" : ` ${this.event}`;
    byId("spoken").textContent = `${where}${running ? ". " : `, paused: ${numbers}`}${words}${event}`;
    Object.assign(this, { lastSpoken: now, spokenNews: news, spokenStill: still, spokenEvent: this.event });
  }

  dialsInWords() {
    const { mutualInformation, mostInformation, klPQ } = this.snapshot.dials;
    return dialsSentence(overlapZone(mutualInformation, mostInformation), matchZone(klPQ));
  }

  choose(index) {
    this.view.chosen = index;
    this.viewChanged();
  }

  // Goes to the chosen point's numbers.
  readPoint() {
    byId("point-title").scrollIntoView();
    byId("point-title").focus({ preventScroll: true });
  }

  showDims(dims) {
    this.view.dims = dims;
    this.view.dimsChosen = true;
    this.viewChanged();
  }

  viewChanged() {
    const { latent_dim: count } = this.options;
    if (this.view.dims.some((d) => d >= count)) Object.assign(this.view, { dims: [0, Math.min(1, count - 1)], dimsChosen: false });
    this.writeAddressSoon();
    this.redraw();
  }

  // ---- the address and saving ----

  state() {
    const { data } = this.options, { stop } = this.tour, base = this.base(), isTable = data === "table";
    return {
      options: isTable ? { ...this.options, data: base.data } : this.options, base, view: this.view,
      stop: stop && stop.id, drawn: data === "drawn" ? this.given.drawn : null, table: isTable ? this.data.name : null,
    };
  }

  writeAddressSoon() {
    if (this.addressTimer) return;
    this.addressTimer = setTimeout(() => {
      this.addressTimer = null;
      try {
        history.replaceState(null, "", `#${writeAddress(this.state())}`);
      } catch {
        // Where a browser lets a page from a file change no address, "Save" still shows the link.
      }
    }, ADDRESS_MS);
  }

  save() {
    const data = this.options.data === OF_THE_RUN ? this.run.dataOption : this.options.data;
    const file = fileOf(this.data), epochs = this.snapshot ? this.snapshot.epoch : 1, notes = [];
    if (this.changedLate) notes.push(CHANGED_LATE);
    if (this.run) notes.push(`This page goes on with the run ${this.run.name}; the command trains from the start.`);
    if (this.snapshot && (this.snapshot.row > 0 || this.snapshot.epoch === 0)) {
      notes.push(`The page is within an epoch; the command trains whole ones, here ${Math.max(1, epochs)}.`);
    }
    const leftOut = leftOutOfAddress(this.state());
    if (leftOut) notes.push(leftOut);
    const link = `${location.href.replace(/#.*$/, "")}#${writeAddress(this.state())}`;
    this.saving.show(configText({ ...this.options, data }, epochs, file ? file.options : {}), file, link, notes);
  }
}

const playground = new Playground(JSON.parse(byId("content").textContent));
