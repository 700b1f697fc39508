"use strict";
// The training thread. It reads the page's messages between slices of some milliseconds, and sends snapshots no faster
// than they are drawn.

const SLICE_MS = 12;
const MS_BETWEEN_MEASURES = 200;
const LEAST_MS_BETWEEN_SNAPSHOTS = 1000 / 30;
const MOST_HISTORY = 20000; // steps kept for the next snapshot; if there are more, every other one is dropped
// A slow snapshot follows the last one only after this many times its own duration, so that training continues.
const SNAPSHOT_COST = 3;

class TrainingThread {
  // post(message) sends to the page, now() is in milliseconds, later(callback, ms) calls after ms, at once if it is 0.
  constructor(post, now, later) {
    Object.assign(this, { now, later });
    this.post = (message) => post({ ...message, turn: this.turn });
    this.trainer = null;
    this.running = false;
    this.pace = Infinity;
    this.waiting = false; // a slice is due
    this.shown = true; // the page has drawn the last snapshot
    this.wanted = false; // something has changed that no snapshot shows yet
    this.lastSnapshot = this.lastMeasured = -Infinity;
    this.turn = 0;
    this.snapshotMs = 0;
    this.history = []; // for each step since the last snapshot: step, log-likelihood, KL, regulariser, objective
    this.finished = []; // the times at which the steps of the last second, or the last two steps, were finished
    this.nextStep = 0; // the time at which the next step is due, in slow motion
  }

  receive(message) {
    if (message.turn) this.show(message.turn);
    const actions = {
      begin: () => this.begin(message),
      play: () => this.play(),
      pause: () => { this.running = false; },
      step: () => this.oneStep(),
      pace: () => this.keepPace(message.stepsPerSecond),
      change: () => this.change(message),
      shown: () => { this.shown = true; },
    };
    try {
      actions[message.do]();
    } catch (error) {
      this.stopFor(error);
    }
    if (message.do !== "shown") this.wanted = true;
    this.sendSnapshot(true);
    this.schedule();
  }

  // The number of what the page now shows. Each message carries it, and the page ignores earlier numbers.
  show(turn) {
    this.turn = turn;
    this.shown = true;
  }

  begin({ options, data, state }) {
    this.trainer = state ? Trainer.fromState(options, data, state) : new Trainer(options, data);
    this.forgetSteps();
    this.shown = true;
    this.lastMeasured = -Infinity;
    this.post({ is: "begun", anew: true, goesOn: Boolean(state) });
  }

  change({ options, data }) {
    const anew = this.trainer.change(options, data) === "begun anew";
    if (anew) this.forgetSteps();
    this.post({ is: "begun", anew });
  }

  forgetSteps() {
    this.finished = [];
    this.history = [];
  }

  play() {
    this.running = true;
    this.finished = [];
    this.nextStep = this.now();
  }

  keepPace(stepsPerSecond) {
    this.pace = stepsPerSecond;
    this.finished = [];
    this.nextStep = this.now();
  }

  oneStep() {
    this.running = false;
    this.makeStep();
  }

  schedule() {
    if (!this.running || this.waiting || !this.trainer) return;
    this.waiting = true;
    const wait = this.pace === Infinity ? 0 : Math.max(0, this.nextStep - this.now());
    this.later(() => this.slice(), wait);
  }

  slice() {
    this.waiting = false;
    if (!this.running || !this.trainer) return;
    const end = this.now() + SLICE_MS;
    try {
      do {
        if (this.pace !== Infinity && this.now() < this.nextStep) break;
        this.makeStep();
        this.nextStep = Math.max(this.nextStep + 1000 / this.pace, this.now() - 1000 / this.pace);
      } while (this.running && this.now() < end);
    } catch (error) {
      this.stopFor(error);
    }
    this.sendSnapshot(false);
    this.schedule();
  }

  makeStep() {
    const values = this.trainer.stepOnce();
    this.keep(values);
    this.finished.push(this.now());
    this.wanted = true;
  }

  keep({ log_likelihood, kl, regulariser = NaN, objective }) {
    this.history.push([this.trainer.step, log_likelihood, kl, regulariser, objective]);
    if (this.history.length > MOST_HISTORY) this.history = this.history.filter((_, i) => i % 2 === 1);
  }

  stopFor(error) {
    this.running = false;
    this.wanted = true;
    this.post({ is: "fault", message: error.message });
  }

  // Overlap and match take as long as a step, so during training they are measured only a few times a second.
  isTimeToMeasure(now) {
    if (this.running && now - this.lastMeasured < MS_BETWEEN_MEASURES) return false;
    this.lastMeasured = now;
    return true;
  }

  // Sends what has changed once the page has drawn the last snapshot; during training, only every so often.
  sendSnapshot(atOnce) {
    const start = this.now();
    if (!this.trainer || !this.shown || !this.wanted) return;
    const apart = Math.max(LEAST_MS_BETWEEN_SNAPSHOTS, SNAPSHOT_COST * this.snapshotMs);
    if ((this.running || !atOnce) && start - this.lastSnapshot < apart) {
      if (!this.running) this.later(() => this.sendSnapshot(false), apart - (start - this.lastSnapshot));
      return;
    }
    this.shown = this.wanted = false;
    this.lastSnapshot = start;
    try {
      const snapshot = this.trainer.snapshot(this.isTimeToMeasure(start));
      const history = Float64Array.from(this.history.flat());
      this.post({ ...snapshot, is: "snapshot", running: this.running, stepsPerSecond: this.stepsPerSecond(), history });
      this.history = [];
    } catch (error) {
      this.shown = true;
      this.running = false;
      this.post({ is: "fault", message: error.message });
    }
    this.snapshotMs = this.now() - start;
  }

  // Steps a second over the last second; with fewer than two steps, the pace that was asked for, or null
  stepsPerSecond() {
    const now = this.now(), count = this.finished.length;
    this.finished = this.finished.filter((at, i) => now - at <= 1000 || i >= count - 2);
    const since = this.finished.at(-1) - this.finished[0];
    if (since > 0) return (1000 * (this.finished.length - 1)) / since;
    return this.pace === Infinity ? null : this.pace;
  }
}

// In a worker, a message to itself comes after the messages already waiting, and without a timer's minimum delay.
function startTrainingThread() {
  const channel = new MessageChannel(), due = [];
  channel.port1.onmessage = () => due.shift()();
  const later = (callback, ms) => {
    if (ms > 0) {
      setTimeout(callback, ms);
      return;
    }
    due.push(callback);
    channel.port2.postMessage(null);
  };
  const thread = new TrainingThread((message) => postMessage(message), () => performance.now(), later);
  onmessage = (event) => thread.receive(event.data);
}

if (typeof WorkerGlobalScope !== "undefined") startTrainingThread();
