"use strict";
// The data with their reconstructions, and samples from the model: two columns as a plane, images in rows.

const MOST_CROSSES = 600;
const IMAGE_GAP = 4; // pixels
const IMAGE_NAME = 18; // pixels for the line with the name of a kind of images
const DATA_LABEL = "Data. The arrow keys choose the next point in their direction, Escape deselects it.";

// The images to show: evenly spread ones, with the chosen one in the place nearest to it
function imagesToShow(rows, chosen, most) {
  const shown = Array.from(evenlySpread(rows, most));
  if (chosen === null || chosen >= rows || shown.includes(chosen)) return shown;
  const distances = shown.map((i) => Math.abs(i - chosen));
  shown[distances.indexOf(Math.min(...distances))] = chosen;
  return shown;
}

// The extent of two columns on a canvas of that shape: with the same unit if they are about equally wide
function extentOfColumns(box, width, height) {
  const wide = box[1] - box[0], tall = box[3] - box[2];
  if (!box.every(Number.isFinite)) return [-1, 1, -1, 1];
  if (wide < 3 * tall && tall < 3 * wide) return widenedExtent(squareAround(box), width, height);
  const grown = (low, high) => [low - EXTENT_ROOM * (high - low || 1), high + EXTENT_ROOM * (high - low || 1)];
  return [...grown(box[0], box[1]), ...grown(box[2], box[3])];
}

class DataPlane {
  constructor(container, listeners) {
    this.canvas = pointCanvas(container, "plane-canvas", DATA_LABEL);
    this.legend = new DataLegend(container);
    this.places = new Float64Array(0);
    this.pointOf = null; // the point at each place, if not all points are shown
    this.chosen = null;
    const { canvas } = this, { onChoose, onHover } = listeners;
    const pointAt = (place) => (place === null || !this.pointOf ? place : this.pointOf[place]);
    const told = (listener) => listener && ((place) => listener(pointAt(place)));
    const found = { places: () => this.places, chosen: () => this.chosenPlace(), centre: () => middleOf(canvas) };
    listenForPoints(canvas, found, { onChoose: told(onChoose), onHover: told(onHover) });
  }

  chosenPlace() {
    if (this.chosen === null || !this.pointOf) return this.chosen;
    const place = this.pointOf.indexOf(this.chosen);
    return place < 0 ? null : place;
  }

  draw(snapshot, view) {
    const images = Boolean(view.data.imageShape);
    if (snapshot.reconstruction.length !== view.data.x.length) return; // a snapshot of earlier data
    const cleared = clearedContext(this.canvas);
    if (!cleared) return;
    const colours = palette();
    this.chosen = view.chosen;
    this.legend.show(view, images, snapshot);
    if (images) this.drawRows(cleared, colours, snapshot, view);
    else this.drawColumns(cleared, colours, snapshot, view);
  }

  // ---- two columns ----

  drawColumns({ context, width, height }, colours, snapshot, view) {
    const { data, show } = view, flat = data.width === 1, columns = flat ? [0, 0] : view.columns;
    const left = 42, foot = 32, across = Math.max(width - left - 4, 10), up = Math.max(height - foot - 4, 10);
    const frame = new PlotFrame(left, 4, across, up, this.extentOf(data, columns, across, up));
    const strew = (x) => strewn(x, (value) => frame.px(value), 14, frame.height - 20);
    const placesOf = flat ? strew : (x) => frame.places(x, data.width, columns);
    this.pointOf = null;
    this.places = placesOf(data.x);
    context.save();
    frame.clip(context);
    const made = show.reconstructions ? placesOf(snapshot.reconstruction) : null;
    if (made) this.drawLinks(context, colours, made);
    if (show.data) drawClassMarks(context, this.places, data, dotRadius(frame, data.rows), colours.faint, colours.rim);
    if (made) this.drawCrosses(context, colours, made, dotRadius(frame, 0));
    if (show.samples) this.drawSamples(context, colours, placesOf(snapshot.samples.x));
    const chosen = view.chosen !== null && view.chosen < data.rows;
    if (chosen) this.drawChosen(context, colours, frame, snapshot, view, columns);
    context.restore();
    frame.drawAxes(context, colours, flat ? [data.columns[0]] : columns.map((column) => data.columns[column]));
  }

  // The data do not move, so their extent is found once.
  extentOf(data, columns, width, height) {
    const key = [...columns, width, height].join();
    if (this.extentData !== data || this.extentKey !== key) {
      [this.extentData, this.extentKey] = [data, key];
      this.extent = extentOfColumns(boxOfColumns(data.x, data.width, columns, [0, 0]), width, height);
    }
    return this.extent;
  }

  drawLinks(context, colours, made) {
    context.strokeStyle = colours.faint;
    context.globalAlpha = 0.35;
    context.lineWidth = 1;
    context.beginPath();
    for (const i of evenlySpread(made.length / 2, MOST_CROSSES)) {
      context.moveTo(this.places[2 * i], this.places[2 * i + 1]);
      context.lineTo(made[2 * i], made[2 * i + 1]);
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  drawCrosses(context, colours, made, arm) {
    context.strokeStyle = colours.reconstruction;
    context.lineWidth = 1.2;
    context.beginPath();
    for (const i of evenlySpread(made.length / 2, MOST_CROSSES)) {
      const x = made[2 * i], y = made[2 * i + 1];
      context.moveTo(x - arm, y - arm);
      context.lineTo(x + arm, y + arm);
      context.moveTo(x - arm, y + arm);
      context.lineTo(x + arm, y - arm);
    }
    context.stroke();
  }

  drawSamples(context, colours, places) {
    context.strokeStyle = colours.prior;
    context.lineWidth = 1.1;
    context.beginPath();
    for (let i = 0; i < places.length; i += 2) context.rect(places[i] - 3, places[i + 1] - 3, 6, 6);
    context.stroke();
  }

  // A ring around the point, and the likelihood's scale around its reconstruction
  drawChosen(context, colours, frame, snapshot, view, columns) {
    const { data, chosen } = view, scale = likelihoodScaleAt(snapshot, chosen, data.width);
    ringAt(context, this.places, chosen, colours);
    if (!view.show.reconstructions) return;
    const at = chosen * data.width, flat = data.width === 1, x = frame.px(snapshot.reconstruction[at + columns[0]]);
    const y = flat ? this.places[2 * chosen + 1] : frame.py(snapshot.reconstruction[at + columns[1]]);
    dot(context, x, y, 3.5, colours.mark);
    if (!scale) return;
    context.strokeStyle = colours.mark;
    context.lineWidth = 1.8;
    context.beginPath();
    context.ellipse(x, y, scale[columns[0]] * frame.across, flat ? 3 : scale[columns[1]] * frame.up, 0, 0, 2 * Math.PI);
    context.stroke();
  }

  // ---- images ----

  // The data's images, their reconstructions and samples from the model, each kind in rows under its name
  drawRows({ context, width, height }, colours, snapshot, view) {
    const { data, show, chosen } = view, shown = imagesToShow(data.rows, chosen, IMAGES_DRAWN);
    const images = (values, rows) => rows.map((i) => values.subarray(i * data.width, (i + 1) * data.width));
    const { reconstruction, samples } = snapshot, numbers = shown.map((_, k) => k);
    const kinds = [
      show.data && { name: "data", images: images(data.x, shown), own: true },
      show.reconstructions && { name: "reconstructions E[x|z]", images: images(reconstruction, shown), own: true },
      show.samples && { name: "samples from the model", images: images(samples.mean, numbers), own: false },
    ].filter(Boolean);
    const grid = imageGrid(width, height, shown.length, kinds.length, data.imageShape);
    this.pointOf = shown;
    this.places = new Float64Array(2 * shown.length).fill(NaN);
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "top";
    context.imageSmoothingEnabled = false;
    const ringed = shown.indexOf(chosen);
    kinds.forEach((kind, row) => this.drawKind(context, colours, kind, row * grid.tall, grid, data.imageShape, ringed));
  }

  drawKind(context, colours, { name, images, own }, top, grid, shape, chosen) {
    const [rows, columns] = shape, strip = imageStrip(images, shape);
    context.fillStyle = colours.faint;
    context.fillText(name, 0, top + 2);
    images.forEach((_, k) => {
      const x = (k % grid.perLine) * grid.stepX, y = top + IMAGE_NAME + Math.floor(k / grid.perLine) * grid.stepY;
      const w = grid.stepX - IMAGE_GAP, h = grid.stepY - IMAGE_GAP;
      context.drawImage(strip, k * columns, 0, columns, rows, x, y, w, h);
      if (!own) return;
      if (Number.isNaN(this.places[2 * k])) this.places.set([x + w / 2, y + h / 2], 2 * k);
      if (k !== chosen) return;
      context.strokeStyle = colours.mark;
      context.lineWidth = 2.5;
      context.strokeRect(x, y, w, h);
    });
  }
}

// How many images fit in a row so that they are as large as possible, and the distances between images, between rows
// and between kinds
function imageGrid(width, height, count, kinds, [rows, columns]) {
  let best = null;
  for (let perLine = 1; perLine <= count; perLine++) {
    const lines = Math.ceil(count / perLine), room = (height / Math.max(kinds, 1) - IMAGE_NAME) / lines;
    const stepX = Math.min(width / perLine, Math.max(room - IMAGE_GAP, 1) * columns / rows + IMAGE_GAP);
    const stepY = (stepX - IMAGE_GAP) * rows / columns + IMAGE_GAP;
    if (!best || stepX > best.stepX) best = { perLine, stepX, stepY, tall: IMAGE_NAME + lines * stepY };
  }
  return best;
}

// The likelihood's scale at a point's reconstruction; null if the likelihood has none.
function likelihoodScaleAt(snapshot, i, width) {
  const { model } = snapshot, { scale } = LIKELIHOODS[snapshot.options.likelihood], D = snapshot.options.latent_dim;
  return scale ? scale(decode(model, snapshot.encodings.loc.slice(i * D, (i + 1) * D), 1), 1, width) : null;
}

// Images side by side on a separate canvas, a pixel for each value; grey or in colour, 0 to 1
function imageStrip(images, [rows, columns, channels = 1]) {
  const strip = document.createElement("canvas");
  Object.assign(strip, { width: Math.max(columns * images.length, 1), height: rows });
  const context = strip.getContext("2d"), pixels = context.createImageData(strip.width, rows);
  images.forEach((image, k) => {
    for (let i = 0; i < rows * columns; i++) {
      const to = 4 * (Math.floor(i / columns) * strip.width + k * columns + i % columns);
      for (let part = 0; part < 3; part++) pixels.data[to + part] = 255 * image[i * channels + part % channels];
      pixels.data[to + 3] = 255;
    }
  });
  context.putImageData(pixels, 0, 0);
  return strip;
}

// The legend: what the marks are, and the classes' own
class DataLegend {
  constructor(container) {
    this.box = newElement(container, "p", "arrow-legend");
    this.box.hidden = true; // until there is something to show
    this.classes = newElement(this.box, "span");
    this.marks = {
      data: this.mark("data", "M6 3a3 3 0 1 0 0.01 0Z", "var(--faint)", "var(--faint)"),
      reconstructions: this.mark("reconstructions E[x|z]", "M2 2L10 10M2 10L10 2", "var(--reconstruction)", "none"),
      samples: this.mark("samples from the model", "M2.5 2.5H9.5V9.5H2.5Z", "var(--prior)", "none"),
      scale: this.mark("likelihood's scale", "M1 6a5 3.5 0 1 0 10 0a5 3.5 0 1 0 -10 0Z", "var(--mark)", "none"),
    };
  }

  mark(name, d, stroke, fill) {
    const item = newElement(this.box, "span", "arrow-legend-item");
    const root = svg("svg", { width: 12, height: 12, "aria-hidden": "true" }, item);
    svg("path", { d, stroke, fill, "stroke-width": 1.6 }, root);
    newElement(item, "span", "", name);
    return item;
  }

  show(view, images, snapshot) {
    this.box.hidden = images;
    const { scale } = LIKELIHOODS[snapshot.options.likelihood];
    for (const kind of ["reconstructions", "samples"]) this.marks[kind].hidden = !view.show[kind];
    this.marks.data.hidden = !view.show.data || Boolean(view.data.labels);
    this.marks.scale.hidden = view.chosen === null || !scale || !view.show.reconstructions;
    if (this.data === view.data) return;
    this.data = view.data;
    this.classes.replaceChildren();
    if (!view.data.labels) return;
    const { classNames } = view.data, colours = classColoursOf(view.data), most = CONSTANTS.classColours.length;
    classNames.slice(0, most).forEach((name, code) => {
      const item = newElement(this.classes, "span", "arrow-legend-item");
      classMark(item, classShape(code), colours[code % colours.length]);
      newElement(item, "span", "", shortened(String(name)));
    });
    if (classNames.length > most) newElement(this.classes, "span", "", `and ${classNames.length - most} more classes`);
  }
}
