"use strict";
// Each term's share of the step, and whether the terms pull together or against each other.

const SHARE_TERMS = ["log_likelihood", "kl", "regulariser"];

// <g_T, g> / <g, g>, each term's share of the step, which can be below 0 or above 1; null for a term with weight 0
function gradientShares(shares) {
  return SHARE_TERMS.map((term) => (Number.isFinite(shares[term]) ? shares[term] : null));
}

function percentText(share) {
  return `${Math.round(100 * share)} %`.replace("-", "−");
}

// A share's place on a track from -1 to 2
function placeOfShare(share) {
  return Math.min(Math.max((share + 1) / 3, 0), 1);
}

// The three pairs of terms with their cosine, whichever order they are named in; null if one has weight 0
function pairCosines(cosines) {
  const pairs = [["log_likelihood", "kl"], ["log_likelihood", "regulariser"], ["kl", "regulariser"]];
  return pairs.map(([a, b]) => {
    const value = cosines[`${a} ${b}`] ?? cosines[`${b} ${a}`];
    return { a, b, value: Number.isFinite(value) ? value : null };
  });
}

function cosineWord(value) {
  return value === null ? "" : value > 0.3 ? "together" : value < -0.3 ? "against" : "neither";
}

// A row of a table: a name, a bar and a number
class BarRow {
  constructor(table, name, kind) {
    const line = table.insertRow(), head = newElement(line, "th", "", name);
    head.scope = "row";
    const track = newElement(newElement(line, "td", "bar-cell"), "div", "bar-track");
    track.setAttribute("aria-hidden", "true");
    this.bar = newElement(track, "div", "bar");
    this.bar.style.background = `var(--${kind})`;
    this.middle = newElement(track, "div", "bar-middle");
    this.number = newElement(line, "td", "bar-number");
    this.word = newElement(line, "td", "bar-word");
  }

  // from and to are shares of the track
  show(from, to, number, word) {
    this.bar.style.left = `${100 * Math.min(from, to)}%`;
    this.bar.style.width = `${100 * Math.abs(to - from)}%`;
    setText(this.number, number);
    setText(this.word, word);
  }
}

class Shares {
  constructor(container) {
    const table = (title) => {
      const element = newElement(container, "table", "bars");
      newElement(element, "caption", "", title);
      return element;
    };
    const title = "Each term's share of the step, <g_T, g> / <g, g>: they add up to 100 %; below 0: against the step";
    const norms = table(title);
    const cosines = table("Cosines: do two terms pull together or against each other?");
    this.shares = SHARE_TERMS.map((term) => new BarRow(norms, ARROW_FORMS[term].name, ARROW_FORMS[term].colour));
    for (const row of this.shares) row.middle.style.left = `${100 * placeOfShare(0)}%`;
    const pairName = ({ a, b }) => `${ARROW_FORMS[a].name}, ${ARROW_FORMS[b].name}`;
    this.cosines = pairCosines({}).map((pair) => new BarRow(cosines, pairName(pair), "sum"));
  }

  draw({ look }) {
    if (!look) return;
    gradientShares(look.shares).forEach((share, k) => {
      const norm = look.norms[SHARE_TERMS[k]];
      if (share === null) this.shares[k].show(placeOfShare(0), placeOfShare(0), "off", "");
      else this.shares[k].show(placeOfShare(0), placeOfShare(share), percentText(share), `norm ${short(norm)}`);
    });
    pairCosines(look.cosines).forEach(({ value }, k) => {
      if (value === null) this.cosines[k].show(0.5, 0.5, "off", "");
      else this.cosines[k].show(0.5, 0.5 + value / 2, value.toFixed(2).replace("-", "−"), cosineWord(value));
    });
  }
}
