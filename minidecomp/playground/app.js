"use strict";
// The playground: it connects the controls, the views, the address and the training thread.

const SPOKEN_MS = 5000; // the shortest time between two spoken statuses while the model trains
const REDUCED_MS = 500; // the time between two drawings if the system asks for reduced motion
const ADDRESS_MS = 1000;
const MOST_LINES = 6; // messages shown at once
const CHANGED_LATE = "You changed settings or data after the first step. The command trains with the current ones "
  + "from the start, so its numbers will differ.";
const FILE_BESIDE = "Put points.csv in the same folder as config.toml: the command reads it from there.";
const LINK_TO_A_FILE = "The link points to this page's file on your computer. It works elsewhere only if the file is "
  + "at the same path there: send the file with the link, or put it on a server.";

// What the page shows at first
function firstView() {
  return {
    chosen: null, ellipses: new Set(), arrows: { log_likelihood: true, kl: true, regulariser: true, sum: false },
    dims: [0, 1], dimsChosen: false, columns: [0, 1], show: { data: true, reconstructions: true, samples: false },
  };
}

class Playground {
  constructor(content) {
    this.run = content && decodedRun(content);
    this.motion = matchMedia("(prefers-reduced-motion: reduce)");
    this.view = { ...firstView(), data: null, reducedMotion: this.motion.matches };
    this.turn = 0; // counts the models and data sent to the thread
    this.lines = []; // messages, in addition to those about the data
    this.goesOn = false; // training continues the run; it did not start from the seed
    this.running = true;
    this.noThread = null; // why there is no training thread, in one line
    this.event = ""; // the last change
    this.changedLate = false; // a setting was changed after the first step
    this.lastDrawn = this.lastSpoken = -Infinity;
    this.choice = new DataChoice(this);
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
      const control = this.controls.add(name, (changes) => this.choice.changeData(changes));
      byId("data-choice").parentElement.after(control.element);
    }
    this.tour = new Tour(byId("tour"), TOUR, (stop) => this.goToStop(stop));
    this.pad = new DrawingPad(byId("pad"), (points) => this.choice.takeDrawn(points));
    this.saving = new SaveDialog(byId("save"));
    for (const [text, pace] of PACES) byId("pace").append(new Option(text, String(pace)));
    if (this.run) this.showRun();
    for (const [name, { title }] of Object.entries(DATASETS)) byId("data-choice").append(new Option(title, name));
    this.toggles = new Toggles(this.view, () => this.viewChanged(), (few) => this.showEllipses(few));
    this.keys = new Keys(byId("keys"), {
      play: () => this.playOrPause(), step: () => this.oneStep(), reset: () => this.begin(null),
      read: () => this.readPoint(), arrow: (number) => this.toggles.press(number),
    });
  }

  showRun() {
    const { name, data } = this.run;
    document.title = `${name} - ${document.title}`;
    byId("lead").prepend(textElement("strong", `This page continues the run ${name}. `));
    byId("data-choice").append(new Option(`of the run: ${data.name}`, OF_THE_RUN));
  }

  showEllipses(few) {
    this.setEllipses(few);
    this.viewChanged();
  }

  setEllipses(few) {
    this.view.ellipses = new Set(few ? evenlySpread(this.data.rows, FEW_ELLIPSES) : []);
  }

  listen() {
    byId("play").addEventListener("click", () => this.playOrPause());
    byId("step").addEventListener("click", () => this.oneStep());
    byId("reset").addEventListener("click", () => this.begin(null));
    byId("back-to-run").addEventListener("click", () => this.backToRun());
    byId("pace").addEventListener("change", () => {
      this.sendPace();
      this.writeAddressSoon();
    });
    byId("standardise").addEventListener("change", () => this.choice.standardise(byId("standardise").checked));
    for (const place of [0, 1]) {
      const field = byId(`column-${place + 1}`);
      field.addEventListener("change", () => this.choice.chooseColumn(place, Number(field.value)));
    }
    byId("save-button").addEventListener("click", () => this.save());
    byId("data-choice").addEventListener("change", () => this.choice.chooseData(byId("data-choice").value));
    byId("file").addEventListener("change", () => this.choice.takeFile(byId("file").files[0]));
    byId("pad").addEventListener("toggle", () => this.pad.draw());
    document.addEventListener("visibilitychange", () => this.redraw());
    // The page may have rewritten its address before this event arrives.
    addEventListener("hashchange", (event) => this.restore(new URL(event.newURL).hash));
    addEventListener("resize", () => this.redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    this.motion.addEventListener("change", () => {
      this.view.reducedMotion = this.motion.matches;
      this.redraw();
    });
    this.choice.listenForDrops();
  }

  startWorker() {
    const advice = "open the page in another browser, or from a server";
    const fault = (why) => {
      this.noThread = `This browser does not let the page start a training thread (${why}): ${advice}.`;
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

  // Messages at the top of the page
  say(lines) {
    const more = lines.length - MOST_LINES + 1;
    const few = more < 2 ? lines : [...lines.slice(0, -more), `And ${countedWords(more, "line")} more like these.`];
    const all = this.noThread ? [this.noThread, ...few] : few, shown = Array.from(byId("note").children);
    if (all.join("\n") === shown.map((line) => line.textContent).join("\n")) return;
    byId("note").replaceChildren(...all.map((line) => textElement("p", line)));
  }

  // The messages that hold since training began, and what the page changed for the data
  sayAgain() {
    this.say([...this.lines, ...fitNotes(this.options, this.choice.fits), this.data.note].filter(Boolean));
  }

  // ---- the state: from the address, a run, a stop, a control ----

  restore(hash = location.hash) {
    const found = readAddress(hash, this.tour.stops.map((stop) => stop.id), Object.keys(DATASETS));
    const { data, ...options } = found.options, lines = found.refused;
    this.tour.showStop(found.stop);
    Object.assign(this.view, firstView(), found.view);
    byId("pace").value = String(found.pace);
    if (found.drawn) {
      this.choice.given.drawn = found.drawn;
      this.pad.set(found.drawn);
    }
    if (found.table && !this.choice.given.table) {
      lines.push(`This link needs the table ${shortened(found.table)}, which a link cannot hold: drop it here.`);
    }
    this.choice.fits = {};
    this.choice.likelihoodGiven = "likelihood" in options;
    this.options = withSettings(this.base(), options);
    if (this.run) lines.push(...this.run.notes);
    if (!this.choice.makeData(data || this.options.data)) {
      lines.push(this.choice.takenFault());
      this.choice.makeData(this.base().data);
    }
    const fault = this.faultOf(this.options);
    if (fault) {
      lines.push(fault);
      this.options = this.base();
      this.choice.makeData(this.options.data);
    }
    this.setEllipses(found.ellipses);
    this.toggles.show();
    const goesOn = this.run && this.data === this.run.data && sameShape(this.options, this.run.options);
    if (this.view.reducedMotion) lines.push("Your system asks for reduced motion: the page is redrawn twice a second.");
    this.begin(goesOn ? this.run.state : null, lines);
  }

  backToRun() {
    this.tour.showStop(null);
    this.choice.fits = {};
    this.options = this.run.options;
    this.choice.makeData(OF_THE_RUN);
    this.begin(this.run.state, this.run.notes);
    byId("play").focus();
  }

  // The options that the page uses where an address says nothing
  base() {
    return this.run && !this.tour.stop ? this.run.options : optionsOfStop(this.tour.stop);
  }

  goToStop(stop) {
    if (!stop) {
      this.viewChanged();
      return;
    }
    this.choice.fits = {};
    this.choice.likelihoodGiven = false;
    this.options = optionsOfStop(stop);
    this.running = true;
    if (this.choice.makeData(this.options.data)) this.begin(null);
  }

  // Applies changed settings while training continues; returns an error message, or null
  changeSettings(changes) {
    const options = withSettings(this.options, changes), fault = this.faultOf(options);
    if (fault) return fault;
    this.options = options;
    if ("likelihood" in changes) this.choice.likelihoodGiven = true;
    this.controls.show(options);
    this.send({ do: "change", options });
    const [name] = Object.keys(changes), step = this.snapshot ? this.snapshot.step : 0;
    this.event = `${name} is ${settingText(changes[name])} from about step ${step.toLocaleString("en")} on.`;
    if (step > 0 || this.running) this.changedLate = true;
    byId("fault-data").textContent = "";
    this.sayAgain();
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

  // Training continues on other data of the same width; data of another width need another model.
  goOnWithData() {
    const same = this.snapshot && this.snapshot.model.dataDim === this.data.width
      && sameShape(this.options, this.snapshot.options);
    if (!same) {
      this.begin(null);
      return;
    }
    this.turn += 1;
    this.lines = [];
    this.sayAgain();
    this.send({ do: "change", turn: this.turn, options: this.options, data: this.data });
    this.event = `New data from about step ${this.snapshot.step.toLocaleString("en")} on.`;
    this.goesOn = false;
    byId("back-to-run").hidden = !this.run;
    this.changedLate = true;
    this.snapshot = null;
    this.controls.show(this.options);
    byId("data-choice").value = this.options.data;
    this.viewChanged();
  }

  // Starts training from the seed or from a run's state
  begin(state, lines = []) {
    this.lines = lines;
    this.sayAgain();
    this.changedLate = false;
    this.snapshot = null;
    this.turn += 1;
    this.send({ do: "begin", turn: this.turn, options: this.options, data: this.data, state });
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

  // Messages that an earlier model sent are ignored.
  receive(message) {
    if (message.turn !== this.turn) return;
    if (message.is === "snapshot") this.takeSnapshot(message);
    else if (message.is === "begun" && message.anew) this.begunAnew(message.goesOn);
    else if (message.is === "fault") this.stopFor(message.message);
  }

  begunAnew(goesOn) {
    this.curves.clear();
    this.goesOn = Boolean(goesOn);
    this.event = this.goesOn ? `Continued from step ${this.run.state.step.toLocaleString("en")} of ${this.run.name}.`
      : `Started from seed ${this.options.seed}.`;
    byId("back-to-run").hidden = !this.run || this.goesOn;
    this.changedLate = false;
  }

  stopFor(message) {
    this.running = false;
    this.showRunning();
    // The learning rate cannot be the cause before the first update.
    const atFirst = !this.snapshot || this.snapshot.step === 0, advice = atFirst
      ? "Undo the most extreme setting, then press Reset" : "Press Reset, or try a smaller learning rate";
    this.say([`${message}: training is paused. ${advice}.`]);
    if (!this.snapshot) document.querySelectorAll("#pair canvas").forEach((canvas) => { canvas.width = 1; });
  }

  takeSnapshot(message) {
    const { model: { dataDim, vector }, options, history } = message;
    this.snapshot = { ...message, model: { ...makeModel(options, dataDim, vector), vector } };
    this.curves.append(history);
    this.showMostSpread();
    this.unshown = true;
    this.redraw();
  }

  // Until the user chooses others, the plane shows the two dimensions whose means spread most.
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
    const pace = !running ? "paused" : stepsPerSecond === null ? "starting"
      : `${countedWords(Math.round(stepsPerSecond), "step")} a second`;
    byId("status").textContent = `${where}, ${pace}. ${this.event}`;
    this.speak(where);
  }

  // Spoken: a dial's new zone, or the last change; while training is paused also the numbers, without delay.
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

  // Scrolls to the chosen point's numbers.
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
    const dims = twoWithin(this.view.dims, this.options.latent_dim);
    if (dims !== this.view.dims) Object.assign(this.view, { dims, dimsChosen: false });
    this.writeAddressSoon();
    this.redraw();
  }

  // ---- the address and saving ----

  state() {
    const { data } = this.options, { stop } = this.tour, base = this.base(), isTable = data === "table";
    const { likelihood } = this.options, options = { ...withoutFits(this.options, this.choice.fits), likelihood };
    const pace = Number(byId("pace").value), ofTheRun = data === OF_THE_RUN;
    const shown = ofTheRun ? base : { ...base, likelihood: optionsForData(base, this.data).likelihood };
    return {
      options: isTable ? { ...options, data: base.data } : { ...options, scale: base.scale }, base: shown, pace,
      view: this.view,
      stop: stop && stop.id, drawn: data === "drawn" ? this.choice.given.drawn : null,
      table: isTable ? this.data.name : null,
    };
  }

  writeAddressSoon() {
    if (this.addressTimer) return;
    this.addressTimer = setTimeout(() => {
      this.addressTimer = null;
      try {
        history.replaceState(null, "", `#${writeAddress(this.state())}`);
      } catch {
        // If the browser does not let a page from a file change its address, "Save" still shows the link.
      }
    }, ADDRESS_MS);
  }

  save() {
    const ofTheRun = this.options.data === OF_THE_RUN;
    const options = { ...optionsToSave(this.options, ofTheRun), ...(ofTheRun ? { data: this.run.dataOption } : {}) };
    const file = fileOf(this.data), epochs = this.snapshot ? this.snapshot.epoch : 1, notes = [];
    if (this.changedLate) notes.push(CHANGED_LATE);
    if (this.goesOn) notes.push(`This page continues the run ${this.run.name}; the command trains from the start.`);
    if (this.snapshot && (this.snapshot.row > 0 || this.snapshot.epoch === 0)) {
      notes.push(`The page is within an epoch; the command trains whole epochs, here ${Math.max(1, epochs)}.`);
    }
    const leftOut = leftOutOfAddress(this.state());
    if (leftOut) notes.push(leftOut);
    if (file) notes.push(FILE_BESIDE);
    if (location.protocol === "file:") notes.push(LINK_TO_A_FILE);
    const link = `${location.href.replace(/#.*$/, "")}#${writeAddress(this.state())}`;
    this.saving.show(configText(options, epochs, file ? file.options : {}), file, link, notes);
  }
}

const playground = new Playground(JSON.parse(byId("content").textContent));
