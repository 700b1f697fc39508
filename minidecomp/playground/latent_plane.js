"use strict";
// The latent plane: the density of q(z), contours of p(z), posterior means, chosen posteriors, and the terms' arrows.

const DENSITY_CELLS = 72;
const DENSITY_POINTS = 400;
const PRIOR_CELLS = 96;
const PRIOR_SCALES = 2.2; // how many scales of each component are in view

const LATENT_LABEL = "Latent plane. The arrow keys choose the next point in their direction, Escape deselects it.";

// The box that holds the prior's components, out to some scales
function boxOfPrior(prior) {
  const count = prior.loc.length, box = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    const axis = prior.dims === 1 ? 0 : i % 2, by = PRIOR_SCALES * prior.scale[i % prior.scale.length];
    box[2 * axis] = Math.min(box[2 * axis], prior.loc[i] - by);
    box[2 * axis + 1] = Math.max(box[2 * axis + 1], prior.loc[i] + by);
  }
  return prior.dims === 1 ? [box[0], box[1], box[0], box[1]] : box;
}

// The density that gets the full colour. A quarter of all mass lies where the density is at least this high, so that a
// few spikes do not make the rest pale.
function shadingTop(density, [left, right, low, high], n) {
  const [level] = levelsOfShares(density, [0.25], (right - left) * (high - low) / (n * n));
  return level || density.reduce((most, value) => Math.max(most, value), 1e-300);
}

function priorKey(prior) {
  return JSON.stringify(prior, (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value));
}

class LatentPlane {
  constructor(container, listeners) {
    this.canvas = pointCanvas(container, "plane-canvas", LATENT_LABEL);
    this.legend = new ArrowLegend(container);
    this.makeNote(container, listeners.onRead);
    this.small = document.createElement("canvas");
    this.small.width = this.small.height = DENSITY_CELLS;
    this.pixels = this.small.getContext("2d").createImageData(DENSITY_CELLS, DENSITY_CELLS);
    this.places = new Float64Array(0);
    this.chosen = null;
    this.waiting = 0;
    const { canvas } = this;
    const found = { places: () => this.places, chosen: () => this.chosen, centre: () => middleOf(canvas) };
    listenForPoints(canvas, found, listeners);
  }

  // The chosen point's numbers, and a link to those of its arrows; `said` is what a screen reader says.
  makeNote(container, onRead) {
    this.note = newElement(container, "p", "plane-note");
    this.numbers = newElement(this.note, "span");
    this.read = newElement(this.note, "button", "as-link", "See its arrows in each formula");
    this.read.type = "button";
    this.read.hidden = true;
    this.read.addEventListener("click", onRead);
    this.said = newElement(container, "p", "unseen");
    this.said.setAttribute("role", "status");
  }

  draw(snapshot, view) {
    this.last = [snapshot, view];
    cancelAnimationFrame(this.waiting);
    const cleared = clearedContext(this.canvas);
    if (!cleared) return;
    const scene = this.scene(snapshot, view);
    this.followExtent(scene);
    const frame = this.frame = this.newFrame(cleared), { context } = cleared, colours = palette();
    context.save();
    frame.clip(context);
    if (scene.flat) this.drawLine(context, colours, scene);
    else this.drawPlane(context, colours, scene);
    this.drawPulls(context, colours, scene);
    context.restore();
    frame.drawAxes(context, colours, scene.flat ? [`z${scene.dims[0] + 1}`] : scene.dims.map((d) => `z${d + 1}`));
    this.writeNote(scene);
    if (!this.settled) this.drawAgainSoon();
  }

  // What to draw, computed once for each frame
  scene(snapshot, view) {
    const { loc, scale } = snapshot.encodings, latentDim = snapshot.options.latent_dim, flat = latentDim === 1;
    const dims = flat ? [0, 0] : view.dims.every((d) => d < latentDim) ? view.dims : [0, 1];
    const prior = currentPrior(snapshot.model), count = loc.length / latentDim;
    return {
      loc, scale, latentDim, flat, dims, view, count, data: view.data, look: snapshot.look, still: view.reducedMotion,
      points: evenlySpread(count, DENSITY_POINTS), prior: PRIORS[prior.name].marginal(prior, flat ? [0] : dims),
    };
  }

  // Follows the posterior means, with a typical scale around them, and the prior.
  followExtent(scene) {
    const { loc, scale, latentDim, dims, points } = scene;
    const middle = (d) => Float64Array.from(points, (i) => scale[i * latentDim + d]).sort()[points.length >> 1];
    const usual = dims.map(middle);
    const box = boxOfBoth(boxOfColumns(loc, latentDim, dims, usual), boxOfPrior(scene.prior)), key = dims.join();
    const anew = this.dimsKey !== key;
    this.dimsKey = key;
    this.target = extentToMakeFor(anew ? null : this.target, box);
    this.extent = easedTowards(anew ? null : this.extent, this.target, scene.still ? 1 : EASING);
    this.settled = this.extent.every((value, i) => value === this.target[i]);
  }

  newFrame({ width, height }) {
    const left = 42, foot = 32, across = Math.max(width - left - 4, 10), up = Math.max(height - foot - 4, 10);
    return new PlotFrame(left, 4, across, up, widenedExtent(this.extent, across, up));
  }

  // While the extent or the arrows' scale is still changing, frames follow without new snapshots.
  drawAgainSoon() {
    this.waiting = requestAnimationFrame(() => this.draw(...this.last));
  }

  // ---- two dimensions ----

  drawPlane(context, colours, scene) {
    this.drawDensity(context, colours, scene);
    this.drawPrior(context, colours, scene.prior);
    this.places = this.frame.places(scene.loc, scene.latentDim, scene.dims);
    drawClassMarks(context, this.places, scene.data, dotRadius(this.frame, scene.count), colours.ink, colours.rim);
    this.drawPosteriors(context, colours, scene);
  }

  drawDensity(context, colours, { loc, scale, latentDim, dims, points }) {
    const n = DENSITY_CELLS, density = aggregateDensity(loc, scale, latentDim, dims, points, this.frame.extent, n);
    const paper = hexParts(colours.panel), ink = hexParts(colours.density), bytes = this.pixels.data;
    const top = shadingTop(density, this.frame.extent, n);
    for (let at = 0; at < n * n; at++) {
      const share = 0.9 * Math.min(density[at] / top, 1) ** 0.4, to = 4 * ((n - 1 - Math.floor(at / n)) * n + at % n);
      for (let k = 0; k < 3; k++) bytes[to + k] = paper[k] + share * (ink[k] - paper[k]);
      bytes[to + 3] = 255;
    }
    this.small.getContext("2d").putImageData(this.pixels, 0, 0);
    const { left, top: upper, width, height } = this.frame;
    context.drawImage(this.small, left, upper, width, height);
  }

  // Recomputed only when the prior or the wanted extent has changed; drawn in the frame's current extent.
  drawPrior(context, colours, prior) {
    const extent = widenedExtent(this.target, this.frame.width, this.frame.height);
    const key = priorKey(prior) + extent.join();
    if (this.priorKey !== key) {
      this.priorKey = key;
      this.lines = priorLines(prior, extent, PRIOR_CELLS);
    }
    context.strokeStyle = colours.prior;
    const { frame } = this;
    this.lines.forEach((pieces, k) => {
      context.lineWidth = k === 0 ? 2 : 1.25;
      context.beginPath();
      for (let i = 0; i < pieces.length; i += 4) {
        context.moveTo(frame.px(pieces[i]), frame.py(pieces[i + 1]));
        context.lineTo(frame.px(pieces[i + 2]), frame.py(pieces[i + 3]));
      }
      context.stroke();
    });
  }

  // Ellipses at one and two scales; the chosen point's is drawn last and strongest, with a ring around its mean
  drawPosteriors(context, colours, scene) {
    const { view } = scene, others = Array.from(view.ellipses).filter((i) => i !== view.chosen);
    for (const i of others) this.drawEllipses(context, i, scene, colourOfPoint(scene.data, i, colours.ink), 1.2);
    if (view.chosen === null || view.chosen >= scene.count) return;
    this.drawEllipses(context, view.chosen, scene, colours.ink, 1.8);
    ringAt(context, this.places, view.chosen, colours);
  }

  drawEllipses(context, i, { scale, latentDim, dims, count }, stroke, width) {
    if (i >= count) return;
    const { across, up } = this.frame, at = i * latentDim;
    context.strokeStyle = stroke;
    context.lineWidth = width;
    for (const times of [1, 2]) {
      context.beginPath();
      const radii = [times * scale[at + dims[0]] * across, times * scale[at + dims[1]] * up];
      context.ellipse(this.places[2 * i], this.places[2 * i + 1], ...radii, 0, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  // ---- one dimension ----

  // q(z) shaded and p(z) as a line above the axis; below it the posterior means, each at a different height
  drawLine(context, colours, scene) {
    const { loc, scale, points, view } = scene, { frame } = this, n = 240, [low, high] = frame.extent;
    const base = frame.top + 0.62 * frame.height, room = 0.58 * frame.height;
    const at = Float64Array.from({ length: n }, (_, i) => low + (i + 0.5) * (high - low) / n);
    const q = aggregateDensityOnLine(loc, scale, 1, 0, points, low, high, n);
    const p = PRIORS[scene.prior.name].logDensity(scene.prior, at, n).map(Math.exp);
    const top = Math.min(Math.max(...p, ...q), 4 * Math.max(...p));
    const y = (value) => base - room * Math.min(value / top, 1);
    const line = (values) => {
      const path = new Path2D();
      values.forEach((value, i) => path.lineTo(frame.px(at[i]), y(value)));
      return path;
    };
    context.fillStyle = colours.density;
    context.globalAlpha = 0.35;
    const area = line(q);
    area.lineTo(frame.left + frame.width, base);
    area.lineTo(frame.left, base);
    context.fill(area);
    context.globalAlpha = 1;
    context.strokeStyle = colours.prior;
    context.lineWidth = 2;
    context.stroke(line(p));
    this.places = strewn(loc, (value) => frame.px(value), base + 8, frame.top + frame.height - base - 16);
    drawClassMarks(context, this.places, scene.data, dotRadius(frame, scene.count), colours.ink, colours.rim);
    if (view.chosen === null || view.chosen >= scene.count) return;
    const own = aggregateDensityOnLine(loc, scale, 1, 0, [view.chosen], low, high, n), height = Math.max(...own) / top;
    context.strokeStyle = colours.ink;
    context.stroke(line(height > 1 ? own.map((value) => value / height) : own)); // as high as the room allows
    ringAt(context, this.places, view.chosen, colours);
  }

  // ---- arrows ----

  drawPulls(context, colours, scene) {
    const { look, view, latentDim, dims, flat } = scene, pulls = look ? pullsToShow(look.pulls, view.arrows) : {};
    const most = Math.min(MOST_ARROWS, Math.round(this.frame.width * this.frame.height / 2500));
    const positions = look ? arrowPositions(look.rows, view.chosen, most) : [];
    const usual = usualPull(pulls, positions, latentDim, flat ? [0] : dims);
    this.followArrowScale(usual, scene.still);
    const terms = usual > 0 ? Object.keys(ARROW_FORMS).filter((term) => pulls[term]) : [];
    const longest = LONGEST_ARROW * usualArrow(this.frame);
    this.legend.show(terms, this.arrowScale, longest, flat);
    const own = positions.filter((at) => look.rows[at] === view.chosen);
    const others = positions.filter((at) => look.rows[at] !== view.chosen);
    for (const [group, width, alpha] of [[others, 1.3, own.length > 0 ? 0.65 : 0.9], [own, 2.6, 1]]) {
      const places = group.flatMap((at) => [this.places[2 * look.rows[at]], this.places[2 * look.rows[at] + 1]]);
      context.globalAlpha = alpha;
      for (const term of terms) {
        const moves = group.flatMap((at) => {
          const pull = pulls[term], x = pull[at * latentDim + dims[0]], y = flat ? 0 : pull[at * latentDim + dims[1]];
          return [this.arrowScale * x, -this.arrowScale * y];
        });
        drawArrows(context, colours, term, places, moves, width, longest);
      }
    }
    context.globalAlpha = 1;
  }

  // Pixels for a nat per unit, which change gradually
  followArrowScale(usual, still) {
    if (!(usual > 0)) return;
    const wanted = Math.log(usualArrow(this.frame) / usual);
    const now = this.arrowScale > 0 ? Math.log(this.arrowScale) : wanted;
    const near = still || Math.abs(wanted - now) < 0.01;
    this.arrowScale = Math.exp(near ? wanted : now + EASING * (wanted - now));
    if (!near) this.settled = false;
  }

  // The numbers follow training, but they are spoken only for a new point or new data.
  writeNote(scene) {
    const { view, data, count } = scene, known = view.chosen !== null && view.chosen < count;
    const text = known ? noteOfPoint(scene) : "", other = view.chosen !== this.chosen || data !== this.saidOf;
    [this.chosen, this.saidOf] = [view.chosen, data];
    setText(this.numbers, text);
    if (other) setText(this.said, text);
    this.read.hidden = !known;
  }
}

// "point 3 (arm 2): z1 0.5 ± 0.1, z2 −1.2 ± 0.2"
function noteOfPoint({ view, data, loc, scale, latentDim, dims, flat }) {
  const at = view.chosen * latentDim, shown = flat ? [0] : dims;
  const numbers = shown.map((d) => `z${d + 1} ${signedText(loc[at + d])} ± ${short(scale[at + d])}`);
  return `${nameOfPoint(data, view.chosen)}: ${numbers.join(", ")}`;
}

// Values along an axis, each at a different height so that neighbours do not hide each other
function strewn(values, px, top, room) {
  const places = new Float64Array(2 * values.length);
  values.forEach((value, i) => {
    places[2 * i] = px(value);
    places[2 * i + 1] = top + room * (i * 0.6180339887 % 1);
  });
  return places;
}

function ringAt(context, places, i, colours) {
  for (const [stroke, width] of [[colours.paper, 4], [colours.mark, 2]]) {
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.beginPath();
    context.arc(places[2 * i], places[2 * i + 1], 6.5, 0, 2 * Math.PI);
    context.stroke();
  }
}

function hexParts(text) {
  return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
}
