"use strict";
// Points drawn with the pointer, or added with the keys.

const PAD_REACH = 2; // the pad shows -2 to 2 on both axes

class DrawingPad {
  // element holds the pad's parts; onPoints([[x, y], ..]) trains on the points, and returns an error message or null.
  constructor(element, onPoints) {
    this.element = element;
    this.part = (name) => element.querySelector(`#pad-${name}`);
    this.canvas = this.part("canvas");
    this.onPoints = onPoints;
    this.points = []; // [x, y]
    this.cursor = [0, 0];
    this.strokes = []; // the number of points before each stroke
    this.listen();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.strokes.push(this.points.length);
      this.addAt(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) this.addAt(event);
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.part("undo").addEventListener("click", () => this.undo());
    this.part("clear").addEventListener("click", () => this.set([]));
    this.part("train").addEventListener("click", () => this.train());
  }

  addAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const [x, y] = [(2 * place[0] - 1) * PAD_REACH, (1 - 2 * place[1]) * PAD_REACH];
    const last = this.points.at(-1), inStroke = this.points.length > this.strokes.at(-1);
    if (inStroke && Math.hypot(last[0] - x, last[1] - y) < PAD_REACH / 50) return;
    this.add(x, y);
  }

  add(x, y) {
    if (this.points.length < MOST_DATA_POINTS) this.points.push([onDrawnGrid(x), onDrawnGrid(y)]);
    this.draw();
  }

  key(event) {
    const step = event.shiftKey ? 0.02 : 0.1;
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (ways[event.key]) {
      this.cursor = this.cursor.map((at, i) => Math.min(Math.max(at + ways[event.key][i], -PAD_REACH), PAD_REACH));
      this.draw();
    } else if (event.key === "Enter" || event.key === " ") {
      this.strokes.push(this.points.length);
      this.add(...this.cursor);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  undo() {
    if (this.strokes.length) this.points.length = this.strokes.pop();
    this.draw();
  }

  set(points) {
    this.points = points.map((point) => [...point]);
    this.strokes = [];
    this.draw();
  }

  train() {
    const fault = this.onPoints(this.points.map((point) => [...point]));
    if (fault) this.part("note").textContent = fault;
  }

  draw() {
    const { canvas } = this, context = canvas.getContext("2d"), side = canvas.width;
    const px = (x) => ((x / PAD_REACH + 1) * side) / 2, py = (y) => ((1 - y / PAD_REACH) * side) / 2;
    context.clearRect(0, 0, side, side);
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    context.strokeRect(px(0), 0, 0, side);
    context.strokeRect(0, py(0), side, 0);
    for (const [x, y] of this.points) dot(context, px(x), py(y), 3, colour("density"));
    context.strokeStyle = colour("mark");
    context.lineWidth = 1.5;
    context.strokeRect(px(this.cursor[0]) - 4, py(this.cursor[1]) - 4, 8, 8);
    const { length } = this.points;
    this.part("note").textContent = `${length} points${length < MOST_DATA_POINTS ? "" : ", the most allowed"}`;
  }
}
