"use strict";
// Curves of the terms and the objective over the steps, drawn as they grow: each has at most MOST_BINS means of steps.

const MOST_BINS = 600;
const CURVES = [
  { name: "log-likelihood", colour: "reconstruction" },
  { name: "KL", colour: "kl" },
  { name: "D", colour: "regulariser" },
  { name: "objective", colour: "ink" },
];
const HISTORY_WIDTH = 1 + CURVES.length;
const RANGE_REACH = 6; // the axis extends beyond the middle 80 % by at most this many times their width

// Means over equal numbers of steps, at most MOST_BINS of them, and the last values. NaNs are not counted.
class ThinnedHistory {
  constructor(most) {
    this.most = most;
    this.clear();
  }

  clear() {
    this.perBin = 1;
    this.bins = []; // {first, steps, sums, counts}
    this.last = null;
  }

  // history: rows of (step, one value for each curve)
  append(history) {
    for (let at = 0; at < history.length; at += HISTORY_WIDTH) this.add(history.subarray(at, at + HISTORY_WIDTH));
  }

  add(row) {
    let bin = this.bins[this.bins.length - 1];
    if (!bin || bin.steps >= this.perBin) {
      if (this.bins.length >= this.most) this.join();
      const sums = new Float64Array(CURVES.length), counts = new Int32Array(CURVES.length);
      bin = { first: row[0], end: row[0], steps: 0, sums, counts };
      this.bins.push(bin);
    }
    bin.steps++;
    bin.end = row[0];
    this.last = row.slice();
    CURVES.forEach((_, k) => {
      if (!Number.isFinite(row[1 + k])) return;
      bin.sums[k] += row[1 + k];
      bin.counts[k]++;
    });
  }

  // Merges each pair of neighbours.
  join() {
    const joined = [];
    for (let i = 0; i < this.bins.length; i += 2) {
      const [a, b] = [this.bins[i], this.bins[i + 1]];
      if (b) {
        a.end = b.end;
        a.steps += b.steps;
        b.sums.forEach((sum, k) => { a.sums[k] += sum; });
        b.counts.forEach((count, k) => { a.counts[k] += count; });
      }
      joined.push(a);
    }
    this.bins = joined;
    this.perBin *= 2;
  }

  // The steps in the middle of the bins, and one curve's means; NaN where it has none
  curve(k) {
    return {
      steps: Float64Array.from(this.bins, (bin) => (bin.first + bin.end) / 2),
      means: Float64Array.from(this.bins, (bin) => (bin.counts[k] > 0 ? bin.sums[k] / bin.counts[k] : NaN)),
    };
  }
}

// The range of all but one in a hundred values on each side, no farther from the middle 80 % than RANGE_REACH widths
function robustRange(values, reach) {
  const known = Float64Array.from(values.filter(Number.isFinite)).sort(), n = known.length;
  if (n === 0) return null;
  const low = known[Math.floor(0.1 * (n - 1))], high = known[Math.ceil(0.9 * (n - 1))], room = reach * (high - low);
  const rim = Math.floor(0.01 * n);
  const range = [Math.max(known[rim], low - room), Math.min(known[n - 1 - rim], high + room)];
  const least = 1e-9 * Math.max(Math.abs(range[0]), Math.abs(range[1]), 1);
  return range[1] - range[0] > least ? range : [range[0] - 0.5, range[1] + 0.5];
}

class LiveCurves {
  constructor(container) {
    this.history = new ThinnedHistory(MOST_BINS);
    const box = newElement(container, "div", "live-curves");
    this.charts = CURVES.map(({ name, colour: stroke }) => {
      const figure = newElement(box, "figure", "live-curve"), head = newElement(figure, "figcaption");
      newElement(head, "span", "", name).style.color = `var(--${stroke})`;
      const value = newElement(head, "span", "live-value"), canvas = newElement(figure, "canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${name} over steps`);
      return { canvas, value };
    });
  }

  append(history) {
    this.history.append(history);
  }

  clear() {
    this.history.clear();
  }

  draw(snapshot) {
    const colours = palette(), { last } = this.history;
    this.charts.forEach(({ canvas, value }, k) => {
      const unit = CURVES[k].name === "D" && snapshot.options.regulariser === "mmd" ? "" : " nats"; // the MMD has none
      const text = last && Number.isFinite(last[1 + k]) ? signedText(last[1 + k]) + unit : "off: its weight is 0";
      setText(value, last ? text : "");
      const cleared = clearedContext(canvas);
      if (cleared) this.drawCurve(cleared, colours, k);
    });
  }

  drawCurve({ context, width, height }, colours, k) {
    const { steps, means } = this.history.curve(k), range = robustRange(means, RANGE_REACH);
    if (!range) return;
    const first = steps[0], end = Math.max(steps[steps.length - 1], first + 1), rim = 0.06 * (range[1] - range[0]);
    const frame = new PlotFrame(44, 4, width - 50, height - 22, [first, end, range[0] - rim, range[1] + rim]);
    this.drawTicks(context, colours, frame);
    context.strokeStyle = colours[CURVES[k].colour];
    context.lineWidth = 1.6;
    context.beginPath();
    let begun = false;
    means.forEach((mean, i) => {
      if (!Number.isFinite(mean)) {
        begun = false;
        return;
      }
      const x = frame.px(steps[i]), y = Math.min(Math.max(frame.py(mean), frame.top), frame.top + frame.height);
      if (begun) context.lineTo(x, y);
      else context.moveTo(x - 0.5, y);
      context.lineTo(x, y);
      begun = true;
    });
    context.stroke();
  }

  drawTicks(context, colours, frame) {
    const { left, top, width, height, extent } = frame;
    const up = roundTicks(extent[2], extent[3], 4);
    const across = roundTicks(extent[0], extent[1], Math.max(2, Math.floor(width / 50)));
    context.font = "10.5px system-ui, sans-serif";
    context.fillStyle = colours.faint;
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.beginPath();
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of up) {
      context.moveTo(left, frame.py(value));
      context.lineTo(left + width, frame.py(value));
      context.fillText(tickText(value, up), left - 4, frame.py(value));
    }
    context.textBaseline = "top";
    context.fillText("step", left - 8, top + height + 5);
    for (const value of across) {
      const text = tickText(value, across), half = context.measureText(text).width / 2;
      context.textAlign = "center";
      context.fillText(text, Math.min(frame.px(value), left + width + 6 - half), top + height + 5);
    }
    context.stroke();
  }
}
