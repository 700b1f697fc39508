"use strict";
// The latent plane of a model with two latent dimensions.

const PLANE_CELLS = 120;
const PLANE_ROOM = { left: 42, top: 4, right: 5, bottom: 34 };
const LONGEST_ARROW = 0.17; // of the plane's side
const KEY_STEPS = { usual: 40, small: 400 }; // to cross the plane

class Plane {
  constructor(explorer) {
    this.explorer = explorer;
    this.canvas = document.getElementById("plane");
    document.getElementById("plane-figure").hidden = false;
    const { plane } = explorer.model, { prior } = explorer.trained;
    this.extent = plane.extent;
    this.size = plane.size;
    this.q = byteValues(plane.q);
    this.lines = priorLines(prior, this.extent, PLANE_CELLS);
    this.small = document.createElement("canvas");
    this.small.width = this.small.height = this.size;
    this.listen();
    const beta = explorer.objective.beta;
    const kl = "log p(z) − log q(z|x)";
    chips("plane-chips", [
      ["q(z), the aggregate posterior", MARKS.area("density")],
      ["p(z): these lines hold 50 % and 90 %", MARKS.line("prior")],
      ...(explorer.model.points.classes ? [] : [["posterior means of test points", MARKS.dot("ink")]]),
      ["q(z|x) of the chosen point", MARKS.ellipse("ink")],
      ["z", MARKS.dot("mark")],
      ["gradient of log p(x|z)", MARKS.arrow("reconstruction")],
      ...(beta === 0 ? [] : [[`gradient of ${beta === 1 ? kl : `beta (${kl})`}`, MARKS.arrow("kl")]]),
    ]);
  }

  listen() {
    const { canvas, explorer } = this;
    const follow = (event) => {
      const box = canvas.getBoundingClientRect(), { left, top, width, height } = this.frame, [x0, , , y1] = this.extent;
      const across = Math.min(Math.max(event.clientX - box.left - left, 0), width);
      const down = Math.min(Math.max(event.clientY - box.top - top, 0), height);
      explorer.moveTo([x0 + across / this.frame.across, y1 - down / this.frame.up]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      follow(event);
    });
    canvas.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!move || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const step = (this.extent[1] - this.extent[0]) / (event.shiftKey ? KEY_STEPS.small : KEY_STEPS.usual);
      explorer.moveTo([explorer.z[0] + step * move[0], explorer.z[1] + step * move[1]]);
    });
  }

  draw(terms) {
    const cleared = clearedContext(this.canvas);
    if (!cleared) return;
    const { context, width, height } = cleared, { left, top, right, bottom } = PLANE_ROOM, colours = palette();
    const side = Math.min(width - left - right, height - top - bottom);
    this.frame = new PlotFrame(left, top, side, side, this.extent);
    context.save();
    this.frame.clip(context);
    this.drawDensity(context);
    this.drawPrior(context, colours);
    this.drawPoints(context, colours);
    this.drawArrows(context, colours, terms);
    context.restore();
    this.frame.drawAxes(context, colours, ["z1", "z2"]);
  }

  drawDensity(context) {
    const { size: n, small, frame } = this, paper = rgb("panel"), ink = rgb("density");
    const pixels = small.getContext("2d").createImageData(n, n);
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < n; i++) {
        const share = this.q[j * n + i] / 255;
        pixels.data.set([...paper.map((value, k) => value + share * (ink[k] - value)), 255], 4 * ((n - 1 - j) * n + i));
      }
    }
    small.getContext("2d").putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, frame.left, frame.top, frame.width, frame.height);
  }

  drawPrior(context, colours) {
    const { frame } = this;
    context.strokeStyle = colours.prior;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const pieces of this.lines) {
      for (let at = 0; at < pieces.length; at += 4) {
        context.moveTo(frame.px(pieces[at]), frame.py(pieces[at + 1]));
        context.lineTo(frame.px(pieces[at + 2]), frame.py(pieces[at + 3]));
      }
    }
    context.stroke();
  }

  // The posterior means, and the chosen point's posterior
  drawPoints(context, colours) {
    const { explorer, frame } = this, { points } = explorer.model, radius = frame.width < 250 ? 2 : 3;
    const place = (i) => { const [a, b] = explorer.row(explorer.loc, i); return [frame.px(a), frame.py(b)]; };
    for (let i = 0; i < points.count; i++) {
      explorer.drawPoint(context, i, ...place(i), radius, colours.ink, colours.rim);
    }
    const scale = explorer.row(explorer.scale);
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.5;
    for (const [rx, ry] of [[6, 6], [scale[0] * frame.across, scale[1] * frame.up]]) {
      context.beginPath();
      context.ellipse(...place(explorer.chosen), rx, ry, 0, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  drawArrows(context, colours, { likelihood, prior, posterior }) {
    const { explorer, frame } = this, { beta } = explorer.objective;
    const x = frame.px(explorer.z[0]), y = frame.py(explorer.z[1]);
    const pulls = [["reconstruction", likelihood[1]], ["kl", prior[1].map((value, i) => beta * (value - posterior[1][i]))]];
    const longest = Math.max(...pulls.map(([, d]) => Math.hypot(d[0], d[1])), 1e-12);
    const unit = LONGEST_ARROW * frame.width / longest;
    for (const [name, d] of pulls) arrow(context, x, y, unit * d[0], -unit * d[1], colours[name]);
    dot(context, x, y, 6, colours.paper);
    dot(context, x, y, 5, colours.mark);
  }
}
