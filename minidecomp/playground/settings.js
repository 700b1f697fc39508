"use strict";
// What the user can set, and which values are allowed: the limits are those of minidecomp's table of options.

// The first settings, with which training shows the paper's point.
const FIRST_OPTIONS = { ...CONSTANTS.defaults, alpha: 5, beta: 0.5 }; // with seeds 0 to 4, each component gets one arm

// A browser can train less, while the user watches, than minidecomp can.
const { weights: MOST_WEIGHTS, hidden: MOST_HIDDEN } = CONSTANTS.limits;
const PAGE_LIMITS = {
  hidden: { most: MOST_HIDDEN, high: 256 },
  decoder_hidden: { most: MOST_HIDDEN, high: 256 },
  latent_dim: { high: 16 },
  components: { high: 50 },
  samples: { high: 50 },
  points_per_arm: { high: 500 },
  scale: { choices: ["none", "standardise"] },
};
const NARROWER_WIDTHS = [64, 32, 16, 8, 4];

// A logarithmic slider can have 0 at its left end.
const ZERO_TO_HUNDRED = { zero: true, low: 0.01, high: 100 };
const SLIDERS = {
  alpha: ZERO_TO_HUNDRED,
  beta: ZERO_TO_HUNDRED,
  lr: { low: 1e-5, high: 0.1 },
  prior_variance_scale: { low: 0.001, high: 10 },
  spike_scale: { low: 0.005, high: 1 },
  df: { low: 0.5, high: 100 },
  likelihood_scale: { low: 0.01, high: 1 },
  gamma: { linear: true, low: 0, high: 1, step: 0.01 },
  component_radius: { linear: true, low: 0, high: 3, step: 0.05 },
  components: { linear: true, low: 1, high: 12, step: 1 },
  samples: { linear: true, low: 1, high: 20, step: 1 },
  latent_dim: { linear: true, low: 1, high: 16, step: 1 },
};
const SLIDER_PLACES = 200;
const PACES = [["full speed", Infinity], ["20 steps a second", 20], ["5 steps a second", 5], ["1 step a second", 1]];

// The controls, group by group
const SETTING_GROUPS = [
  { title: "Objective", names: ["beta", "alpha", "regulariser", "kl", "log_prior_multiplier"] },
  {
    title: "Prior p(z)",
    names: [
      "prior", "components", "component_radius", "df", "gamma", "spike_scale", "prior_variance_scale",
      "learn_prior_variance",
    ],
  },
  { title: "Model", names: ["likelihood", "likelihood_scale", "scale_link", "hidden", "latent_dim", "activation"] },
  { title: "Training", names: ["lr", "batch_size", "samples", "amsgrad"] },
];
const SETTING_LABELS = {
  beta: "beta (overlap)",
  alpha: "alpha (match)",
  regulariser: "regulariser D",
  kl: "KL term",
  log_prior_multiplier: "log-prior multiplier M",
  prior: "prior",
  components: "components",
  component_radius: "components' radius",
  df: "degrees of freedom",
  gamma: "gamma (spike's weight)",
  spike_scale: "spike's scale",
  prior_variance_scale: "prior variance",
  learn_prior_variance: "learn the variances",
  likelihood: "likelihood p(x|z)",
  likelihood_scale: "likelihood's scale",
  scale_link: "posterior's scale link",
  hidden: "hidden widths",
  latent_dim: "latent dimensions",
  activation: "activation",
  lr: "learning rate",
  batch_size: "batch size",
  samples: "samples K",
  amsgrad: "AMSGrad",
  seed: "seed",
  data_seed: "data seed",
  points_per_arm: "points per arm",
};
const SETTING_OWNERS = {
  arms: ["data", "pinwheel"],
  points_per_arm: ["data", "pinwheel"],
  radial_std: ["data", "pinwheel"],
  tangential_std: ["data", "pinwheel"],
  rate: ["data", "pinwheel"],
  components: ["prior", "mixture"],
  component_radius: ["prior", "mixture"],
  df: ["prior", "student-t"],
  gamma: ["prior", "sparse"],
  spike_scale: ["prior", "sparse"],
  likelihood_scale: ["likelihood", "laplace"],
  log_prior_multiplier: ["kl", "monte-carlo"],
};

// Whether an option has an effect, given the others
function settingMatters(name, options) {
  const owner = SETTING_OWNERS[name];
  return !owner || options[owner[0]] === owner[1];
}

// An option's limits by name: low, high, above, below, most, choices. Whole numbers beyond 2^53 are texts.
function settingLimits(name) {
  const own = Object.hasOwn(CONSTANTS.options, name) ? CONSTANTS.options[name] : {};
  const limits = Object.entries({ ...own, ...PAGE_LIMITS[name] });
  return Object.fromEntries(limits.filter(([, limit]) => limit !== null && limit !== undefined));
}

const LONGEST_SETTING = 100; // characters

// "a whole number from 1 to 50"
function allowedInWords(name) {
  const limits = settingLimits(name);
  if (limits.choices) return `one of ${limits.choices.join(", ")}`;
  if (limits.kind === "bool") return "true or false";
  const range = rangeInWords(limits);
  if (limits.kind === "tuple") return `up to ${limits.most} whole numbers ${range}, separated by commas`;
  if (limits.kind !== "int") return range || "a number";
  return `a whole number ${range.replace(/(\S+) or more/, "of at least $1")}`.trim();
}

function rangeInWords({ low, high, above, below }) {
  const words = [];
  if (low !== undefined) words.push(high === undefined ? `${low} or more` : `from ${low} to ${high}`);
  else if (high !== undefined) words.push(`${high} or less`);
  if (above !== undefined) words.push(`above ${above}`);
  if (below !== undefined) words.push(`below ${below}`);
  return words.join(" and ");
}

function settingRefusal(name, given) {
  const text = shortened(String(given).trim());
  return `${name} must be ${allowedInWords(name)}, not ${text === "" ? "empty" : text}`;
}

function shortened(text) {
  return text.length > 60 ? `${text.slice(0, 60)}..` : text;
}

// {value} of an option's text, or {fault}: a message that says what is allowed and what was given
function readSetting(name, text) {
  const limits = settingLimits(name), trimmed = String(text).slice(0, LONGEST_SETTING + 1).trim();
  const fault = { fault: settingRefusal(name, trimmed) };
  if (trimmed.length > LONGEST_SETTING) return fault;
  if (limits.choices) {
    const choice = limits.choices.find((each) => String(each) === trimmed);
    return choice === undefined ? fault : { value: choice };
  }
  if (limits.kind === "bool") return ["true", "false"].includes(trimmed) ? { value: trimmed === "true" } : fault;
  if (limits.kind === "tuple") return readWidths(trimmed, limits, fault);
  if (limits.kind === "int") return readWhole(trimmed, limits, fault);
  const value = CELL_NUMBER.test(trimmed) ? Number(trimmed) : NaN;
  return isWithin(value, limits) ? { value } : fault;
}

function isWithin(value, { low, high, above, below }) {
  return Number.isFinite(value) && !(value < low) && !(value > high) && !(value <= above) && !(value >= below);
}

// Whole numbers too large for a double, such as seeds up to 2^64 - 1, stay decimal texts.
function readWhole(text, limits, fault) {
  if (!/^\d{16,25}$/.test(text)) {
    const value = CELL_NUMBER.test(text) ? Number(text) : NaN;
    return Number.isSafeInteger(value) && isWithin(value, limits) ? { value } : fault;
  }
  const large = BigInt(text);
  if (large < limits.low || large > limits.high) return fault;
  return { value: large <= Number.MAX_SAFE_INTEGER ? Number(large) : String(large) };
}

function readWidths(text, limits, fault) {
  const parts = text === "" ? [] : text.replace(/,\s*$/, "").split(/\s*,\s*|\s+/);
  const widths = parts.map((part) => (/^\d+$/.test(part) ? Number(part) : NaN));
  return widths.length <= limits.most && widths.every((width) => isWithin(width, limits)) ? { value: widths } : fault;
}

// An option's value as text, for readSetting to read back
function settingText(value) {
  return Array.isArray(value) ? value.join(",") : String(value);
}

function sameSetting(one, other) {
  return settingText(one) === settingText(other);
}

// The number of weights and biases in both networks
function countWeights(options, dataDim) {
  return makeModel(options, dataDim).parameters.vector.length;
}

// The options after some of them have changed, with the consequences: the decoder mirrors the encoder, and each prior
// has its default variance.
function withSettings(options, changes) {
  const changed = { ...options, ...changes };
  const mirrored = sameSetting(options.decoder_hidden, [...options.hidden].reverse());
  if (mirrored && !("decoder_hidden" in changes)) changed.decoder_hidden = [...changed.hidden].reverse();
  const alike = options.activation === options.decoder_activation;
  if (alike && !("decoder_activation" in changes)) changed.decoder_activation = changed.activation;
  if (changed.prior !== options.prior && !("prior_variance_scale" in changes)) {
    const usual = CONSTANTS.usualVarianceScale;
    if (options.prior_variance_scale === usual[options.prior]) changed.prior_variance_scale = usual[changed.prior];
  }
  if (changed.prior !== "gaussian" && changed.kl === "analytic") changed.kl = "monte-carlo";
  // A run's own variances are valid only for its own scale and dimensions, and a mixture cannot use them.
  const another = ["prior_variance_scale", "latent_dim"].some((name) => changed[name] !== options[name]);
  return another || changed.prior === "mixture" ? withoutOwnVariances(changed) : changed;
}

// The options with equal prior variances in place of those from a run's data
function withoutOwnVariances({ prior_scale, prior_logits, ...options }) {
  return "prior_variance" in options ? { ...options, prior_variance: "iso" } : options;
}

// The options that a stop of the tour starts with; without a stop, the page's first options
function optionsOfStop(stop) {
  return withSettings(FIRST_OPTIONS, stop ? stop.options : {});
}

// Whether a model with the first options can take the state of one with the others
function sameShape(one, other) {
  const names = ["latent_dim", "hidden", "decoder_hidden", "likelihood", "learn_prior_variance", "seed", "init"];
  return names.every((name) => sameSetting(one[name], other[name]));
}

// Why options that are allowed one by one do not go together, in one line; null if they do
function optionsFault(options, dataDim) {
  const weights = countWeights(options, dataDim);
  if (weights > MOST_WEIGHTS) {
    return `hidden must give at most ${MOST_WEIGHTS} weights here, not ${weights}; minidecomp train takes more`;
  }
  return null;
}

// The options for new data: bernoulli if all values are 0 or 1, as the command chooses unless the user has, and widths
// that the page can train
function optionsForData(options, data, likelihoodGiven = false) {
  const bits = !likelihoodGiven && data.x.every((value) => value === 0 || value === 1);
  const fits = options.likelihood !== "bernoulli" || data.x.every((value) => value >= 0 && value <= 1);
  const likelihood = bits ? "bernoulli" : fits ? options.likelihood : "gaussian";
  const fitted = { ...options, likelihood };
  if (countWeights(fitted, data.width) <= MOST_WEIGHTS) return fitted;
  const narrower = NARROWER_WIDTHS.map((width) => ({ ...fitted, hidden: [width], decoder_hidden: [width] }));
  return narrower.find((each) => countWeights(each, data.width) <= MOST_WEIGHTS) || narrower.at(-1);
}

// What optionsForData changed: {name: {from, to}}
function fitsOfData(options, fitted) {
  const names = ["likelihood", "hidden", "decoder_hidden"];
  const changed = names.filter((name) => !sameSetting(options[name], fitted[name]));
  return Object.fromEntries(changed.map((name) => [name, { from: options[name], to: fitted[name] }]));
}

// The options without the changes made for the data, except those that the user has changed since
function withoutFits(options, fits) {
  const kept = Object.entries(fits).filter(([name, { to }]) => sameSetting(options[name], to));
  return { ...options, ...Object.fromEntries(kept.map(([name, { from }]) => [name, from])) };
}

// A line for each of these changes that still holds
function fitNotes(options, fits) {
  const holds = (name) => fits[name] && sameSetting(options[name], fits[name].to), notes = [];
  if (holds("likelihood")) {
    const { from, to } = fits.likelihood;
    const why = to === "bernoulli" ? "because all values are 0 or 1" : "because not all values are from 0 to 1";
    notes.push(`The likelihood is ${to}, not ${from}, ${why}.`);
  }
  if (holds("hidden")) {
    const { from, to } = fits.hidden, most = MOST_WEIGHTS.toLocaleString("en");
    const widths = `The hidden widths are ${settingText(to)}, not ${settingText(from)}`;
    notes.push(`${widths}: the page can train at most ${most} weights.`);
  }
  return notes;
}

// The two shown dimensions, or columns, if they exist; otherwise the first two
function twoWithin(shown, count) {
  const fits = shown.every((d) => d < count) && (count === 1 || shown[0] !== shown[1]);
  return fits ? shown : [0, Math.min(1, count - 1)];
}

// The slider's value at a place, 0 to SLIDER_PLACES, with two significant digits
function valueAtPlace(slider, place) {
  const { low, high } = slider;
  if (slider.linear) {
    const value = low + ((high - low) * place) / SLIDER_PLACES;
    return Number((Math.round(value / slider.step) * slider.step).toPrecision(6));
  }
  const first = slider.zero ? 1 : 0;
  if (place < first) return 0;
  return Number((low * (high / low) ** ((place - first) / (SLIDER_PLACES - first))).toPrecision(2));
}

// The place nearest to a value; values beyond the slider's ends are at the ends
function placeOfValue(slider, value) {
  const { low, high } = slider, first = slider.zero ? 1 : 0;
  if (slider.zero && value <= 0) return 0;
  const share = slider.linear ? (value - low) / (high - low) : Math.log(value / low) / Math.log(high / low);
  return Math.min(Math.max(Math.round(first + share * (SLIDER_PLACES - first)), first), SLIDER_PLACES);
}
