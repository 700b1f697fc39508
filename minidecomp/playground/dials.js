"use strict";
// Overlap and match as two dials, whose zones are rules of thumb.

const OVERLAP_ZONES = [
  { to: 0.25, word: "too much overlap", short: "too\nmuch", good: false },
  { to: 0.75, word: "appropriate overlap", short: "appropriate", good: true },
  { to: 1, word: "too little overlap", short: "too\nlittle", good: false },
];
const MATCH_ZONES = [
  { to: 0.3, word: "a match", short: "match", good: true },
  { to: 2, word: "a partial match", short: "partial", partial: true, good: false },
  { to: Infinity, word: "no match", short: "no\nmatch", good: false },
];
const MATCH_ENDS = [0.03, 100]; // nats
const RULE_OF_THUMB = "The zones are rules of thumb, not results: the overlap is appropriate from a quarter to three "
  + "quarters of log N; q(z) matches p(z) below 0.3 nats, and does not match it above 2 nats.";

function overlapZone(information, most) {
  if (!Number.isFinite(information) || !(most > 0)) return null;
  return OVERLAP_ZONES.find(({ to }) => information / most <= to) || OVERLAP_ZONES[2];
}

function matchZone(klPQ) {
  return Number.isNaN(klPQ) ? null : MATCH_ZONES.find(({ to }) => klPQ < to) || MATCH_ZONES[2];
}

// A value's place on its dial, from 0 to 1
function overlapShare(information, most) {
  return Math.min(Math.max(information / most, 0), 1);
}

function matchShare(klPQ) {
  const [low, high] = MATCH_ENDS.map(Math.log);
  return Math.min(Math.max((Math.log(Math.max(klPQ, 1e-12)) - low) / (high - low), 0), 1);
}

// Both in one sentence: "Too little overlap, and no match."
function dialsSentence(overlap, match) {
  if (!overlap || !match) return "";
  const both = overlap.good && match.good, andOrBut = overlap.good === match.good ? ", and" : ", but";
  const joined = match.partial ? ";" : andOrBut;
  const text = `${overlap.word[0].toUpperCase()}${overlap.word.slice(1)}${joined} ${match.word}`;
  return both ? `${text}: the decomposition we want.` : `${text}.`;
}

// exp(I) of N points, where N counts the points measured, out of a total
function toldApart(information, most, total = Math.round(Math.exp(most))) {
  const count = Math.round(Math.exp(most)), apart = Math.min(Math.max(Math.round(Math.exp(information)), 1), count);
  const words = apart === 1 ? "hardly any" : `about ${apart.toLocaleString("en")}`;
  const measured = count === total ? "" : ` (a sample of all ${total.toLocaleString("en")})`;
  return `${words} of ${count.toLocaleString("en")} points${measured} can be told apart`;
}

// A half circle with zones, a needle, a word and the number
class Dial {
  constructor(container, title, zones, ends) {
    this.box = newElement(container, "figure", "dial");
    newElement(this.box, "figcaption", "dial-title", title);
    this.root = svg("svg", { viewBox: "0 0 160 86", role: "img" }, this.box);
    this.title = title;
    let from = 0;
    for (const { to, short: name, good } of zones) {
      svg("path", { d: this.arc(from, to), class: good ? "dial-good" : "dial-bad" }, this.root);
      this.label((from + to) / 2, name);
      from = to;
    }
    this.ends = ends.map((text, k) => {
      const place = { x: k === 0 ? 34 : 126, y: 84, "text-anchor": "middle" };
      const element = svg("text", { ...place, class: "dial-end" }, this.root);
      element.textContent = text;
      return element;
    });
    this.needle = svg("path", { class: "dial-needle" }, this.root);
    this.word = newElement(this.box, "p", "dial-word");
    this.text = newElement(this.box, "p", "dial-text");
  }

  place(share, radius) {
    const angle = Math.PI * (1 - share);
    return [80 + radius * Math.cos(angle), 70 - radius * Math.sin(angle)].map((value) => value.toFixed(2));
  }

  arc(from, to) {
    const gap = 0.008, radius = 46;
    const [first, last] = [from + gap, to - gap].map((share) => this.place(share, radius).join(" "));
    return `M${first}A${radius} ${radius} 0 0 1 ${last}`;
  }

  label(share, text) {
    const [x, y] = this.place(share, 56), anchor = share < 0.35 ? "end" : share > 0.65 ? "start" : "middle";
    text.split("\n").reverse().forEach((line, k) => {
      const element = svg("text", { x, y: Number(y) - 12 * k, class: "dial-zone", "text-anchor": anchor }, this.root);
      element.textContent = line;
    });
  }

  show(share, word, text) {
    const known = share !== null, [x, y] = this.place(known ? share : 0, 50), [u, v] = this.place(known ? share : 0, 5);
    this.needle.setAttribute("d", known ? `M${u} ${v}L${x} ${y}` : "");
    setText(this.word, word);
    setText(this.text, text);
    const label = `${this.title}. ${word}; ${text}. A rule of thumb.`;
    if (this.root.getAttribute("aria-label") !== label) this.root.setAttribute("aria-label", label);
  }
}

class Dials {
  constructor(container) {
    const row = newElement(container, "div", "dials");
    row.title = RULE_OF_THUMB;
    const shares = MATCH_ZONES.map((zone) => ({ ...zone, to: zone.to === Infinity ? 1 : matchShare(zone.to) }));
    this.overlap = new Dial(row, "Overlap: mutual information I(x; z)", OVERLAP_ZONES, ["0", "log N"]);
    this.match = new Dial(row, "Match: KL(p || q)", shares, MATCH_ENDS.map(String));
    this.sentence = newElement(container, "p", "dials-sentence");
    newElement(container, "p", "dials-note", RULE_OF_THUMB);
  }

  draw({ dials, encodings, options }) {
    const total = encodings.loc.length / options.latent_dim;
    const { mutualInformation: information, mostInformation: most, klPQ } = dials;
    const overlap = overlapZone(information, most), match = matchZone(klPQ);
    setText(this.overlap.ends[1], `log N = ${most.toFixed(2)}`);
    this.showOverlap(overlap, information, most, total);
    this.showMatch(match, klPQ);
    setText(this.sentence, dialsSentence(overlap, match));
  }

  showOverlap(zone, information, most, total) {
    const text = zone ? `${information.toFixed(2)} nats: ${toldApart(information, most, total)}` : "not measured yet";
    this.overlap.show(zone ? overlapShare(information, most) : null, zone ? zone.word : "", text);
  }

  showMatch(zone, klPQ) {
    const word = !zone ? "" : zone.good ? "q(z) matches p(z)" : zone.word;
    const text = zone ? `${Number.isFinite(klPQ) ? short(klPQ) : "∞"} nats from p(z) to q(z)` : "not measured yet";
    this.match.show(zone ? matchShare(klPQ) : null, word, text);
  }
}
