"use strict";
// The data with its reconstructions and samples of the model: two columns as a plane, images in rows.

const SHOWN_IMAGES = 12;
const CROSS = 2.5; // pixels from its middle
const MOST_CROSSES = 600;
const DATA_LABEL = "Data. Arrow keys choose the next point in their direction, Escape frees it.";

// Which images are shown: evenly spread ones, and the chosen one in the place nearest to it
function imagesToShow(rows, chosen, most) {
  const shown = Array.from(evenlySpread(rows, most));
  if (chosen === null || chosen >= rows || shown.includes(chosen)) return shown;
  const distances = shown.map((i) => Math.abs(i - chosen));
  shown[distances.indexOf(Math.min(...distances))] = chosen;
  return shown;
}

// Two columns' extent: one unit for both where they are about equally wide, else each its own
function extentOfColumns(box) {
  const wide = box[1] - box[0], tall = box[3] - box[2];
  if (!box.every(Number.isFinite)) return [-1, 1, -1, 1];
  if (wide < 3 * tall && tall < 3 * wide) return squareAround(box);
  const grown = (low, high) => [low - EXTENT_ROOM * (high - low || 1), high + EXTENT_ROOM * (high - low || 1)];
  return [...grown(box[0], box[1]), ...grown(box[2], box[3])];
}

class DataPlane {
  constructor(container, listeners) {
    this.canvas = pointCanvas(container, "plane-canvas", DATA_LABEL);
    this.legend = new DataLegend(container);
    this.places = new Float64Array(0);
    this.pointOf = null; // which points the places are of, where they are not all
    this.chosen = null;
    const choose = (place) => listeners.onChoose(place === null || !this.pointOf ? place : this.pointOf[place]);
    const hover = (place) => listeners.onHover && listeners.onHover(place === null || !this.pointOf ? place : this.pointOf[place]);
    const found = { places: () => this.places, chosen: () => this.chosenPlace(), centre: () => [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2] };
    listenForPoints(this.canvas, found, { onChoose: choose, onHover: hover });
  }

  chosenPlace() {
    if (this.chosen === null || !this.pointOf) return this.chosen;
    const place = this.pointOf.indexOf(this.chosen);
    return place < 0 ? null : place;
  }

  draw(snapshot, view) {
    const images = Boolean(view.data.imageShape);
    this.canvas.classList.toggle("plane-images", images);
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
    const left = 36, foot = 32, frame = new PlotFrame(left, 4, width - left - 4, height - foot - 4, this.extentOf(data, columns));
    const placesOf = (x) => (flat ? strewn(x, (value) => frame.px(value), 14, frame.height - 20) : frame.places(x, data.width, columns));
    this.pointOf = null;
    this.places = placesOf(data.x);
    context.save();
    frame.clip(context);
    if (show.reconstructions && snapshot.reconstruction) this.drawLinks(context, colours, placesOf(snapshot.reconstruction));
    if (show.data) drawClassDots(context, this.places, data, data.rows > 800 ? 2 : 2.8, colours.faint);
    if (show.reconstructions && snapshot.reconstruction) this.drawCrosses(context, colours, placesOf(snapshot.reconstruction));
    if (show.samples && snapshot.samples) this.drawSamples(context, colours, placesOf(snapshot.samples.x));
    if (view.chosen !== null && view.chosen < data.rows) this.drawChosen(context, colours, frame, snapshot, view, columns);
    context.restore();
    frame.drawAxes(context, colours, flat ? [data.columns[0]] : columns.map((column) => data.columns[column]));
  }

  // The data does not move: its extent is found once.
  extentOf(data, columns) {
    const key = columns.join();
    if (this.extentData !== data || this.extentKey !== key) {
      [this.extentData, this.extentKey] = [data, key];
      this.extent = extentOfColumns(boxOfColumns(data.x, data.width, columns, [0, 0]));
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

  drawCrosses(context, colours, made) {
    context.strokeStyle = colours.reconstruction;
    context.lineWidth = 1.2;
    context.beginPath();
    for (const i of evenlySpread(made.length / 2, MOST_CROSSES)) {
      const x = made[2 * i], y = made[2 * i + 1];
      context.moveTo(x - CROSS, y - CROSS);
      context.lineTo(x + CROSS, y + CROSS);
      context.moveTo(x - CROSS, y + CROSS);
      context.lineTo(x + CROSS, y - CROSS);
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

  // A ring around the point, and around its reconstruction the likelihood's scale
  drawChosen(context, colours, frame, snapshot, view, columns) {
    const { data, chosen } = view, scale = likelihoodScaleAt(snapshot, chosen, data.width);
    ringAt(context, this.places, chosen, colours);
    if (!snapshot.reconstruction || !view.show.reconstructions) return;
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

  drawRows({ context, width, height }, colours, snapshot, view) {
    const { data, show } = view, [rows, columns] = data.imageShape, shown = imagesToShow(data.rows, view.chosen, SHOWN_IMAGES);
    const at = (values, i) => values.subarray(i * data.width, (i + 1) * data.width);
    const kinds = [];
    if (show.data) kinds.push(["data", shown.map((i) => at(data.x, i))]);
    if (show.reconstructions && snapshot.reconstruction) kinds.push(["reconstructions", shown.map((i) => at(snapshot.reconstruction, i))]);
    if (show.samples && snapshot.samples) kinds.push(["samples of the model", shown.map((_, k) => at(snapshot.samples.mean, k))]);
    const gap = 4, name = 18, side = Math.min(width / shown.length - gap, ((height / Math.max(kinds.length, 1)) - name - gap) * columns / rows);
    this.pointOf = shown;
    this.places = new Float64Array(2 * shown.length);
    context.font = "12px system-ui, sans-serif";
    context.imageSmoothingEnabled = false;
    kinds.forEach(([kind, images], row) => {
      const top = row * (side * rows / columns + name + gap);
      context.fillStyle = colours.faint;
      context.textBaseline = "top";
      context.fillText(kind, 0, top + 2);
      const strip = imageStrip(images.filter((image) => image.length === data.width), data.imageShape);
      images.forEach((_, k) => context.drawImage(strip, k * columns, 0, columns, rows, k * (side + gap), top + name, side, side * rows / columns));
      if (row === 0) images.forEach((_, k) => this.places.set([k * (side + gap) + side / 2, top + name + side * rows / columns / 2], 2 * k));
      if (kind !== "samples of the model") this.frameChosen(context, colours, shown.indexOf(view.chosen) * (side + gap), top + name, side, side * rows / columns);
    });
  }

  frameChosen(context, colours, left, top, width, height) {
    if (left < 0) return;
    context.strokeStyle = colours.mark;
    context.lineWidth = 2;
    context.strokeRect(left + 1, top + 1, width - 2, height - 2);
  }
}

// The likelihood's scale by which a point's reconstruction is measured; null where the likelihood has none.
function likelihoodScaleAt(snapshot, i, width) {
  const { model } = snapshot, { scale } = LIKELIHOODS[snapshot.options.likelihood], D = snapshot.options.latent_dim;
  return scale ? scale(decode(model, snapshot.encodings.loc.slice(i * D, (i + 1) * D), 1), 1, width) : null;
}

// Images side by side on a canvas of their own, a pixel for a value; grey or in colour, 0 to 1
function imageStrip(images, [rows, columns, channels = 1]) {
  const strip = document.createElement("canvas");
  Object.assign(strip, { width: Math.max(columns * images.length, 1), height: rows });
  const context = strip.getContext("2d"), pixels = context.createImageData(strip.width, rows);
  images.forEach((image, k) => {
    for (let i = 0; i < rows * columns; i++) {
      const to = 4 * (Math.floor(i / columns) * strip.width + k * columns + i % columns);
      for (let part = 0; part < 3; part++) pixels.data[to + part] = 255 * image[i * channels + (channels === 1 ? 0 : part)];
      pixels.data[to + 3] = 255;
    }
  });
  context.putImageData(pixels, 0, 0);
  return strip;
}

// The marks and what they stand for; classes by their colours
class DataLegend {
  constructor(container) {
    this.box = newElement(container, "p", "arrow-legend");
    this.classes = newElement(this.box, "span");
    this.marks = {
      data: this.mark("data", "M6 3a3 3 0 1 0 0.01 0Z", "var(--faint)", "var(--faint)"),
      reconstructions: this.mark("reconstructions E[x|z]", "M2 2L10 10M2 10L10 2", "var(--reconstruction)", "none"),
      samples: this.mark("samples of the model", "M2.5 2.5H9.5V9.5H2.5Z", "var(--prior)", "none"),
      scale: this.mark("likelihood's scale", "M1 6a5 3.5 0 1 0 10 0a5 3.5 0 1 0 -10 0Z", "var(--mark)", "none"),
    };
  }

  mark(name, d, stroke, fill) {
    const item = newElement(this.box, "span", "arrow-legend-item");
    svg("path", { d, stroke, fill, "stroke-width": 1.6 }, svg("svg", { width: 12, height: 12, "aria-hidden": "true" }, item));
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
    const { classNames } = view.data, colours = CONSTANTS.classColours;
    classNames.slice(0, colours.length).forEach((name, code) => {
      const item = newElement(this.classes, "span", "arrow-legend-item");
      newElement(item, "i", "class-dot").style.background = colours[code];
      newElement(item, "span", "", String(name));
    });
  }
}
