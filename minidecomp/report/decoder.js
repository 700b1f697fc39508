"use strict";
// The decoder, the likelihood, the posterior and the prior, with their gradients: minidecomp/terms/ in another language.

function floats(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer), out = new Float32Array(bytes.length / 4);
  for (let i = 0; i < out.length; i++) out[i] = view.getFloat32(4 * i, true);
  return out;
}

function doubles(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
}

function byteValues(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

const LOG_2PI = Math.log(2 * Math.PI);
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

const ACTIVATE = {
  "relu": (a) => Math.max(a, 0),
  "leaky-relu": (a) => (a > 0 ? a : 0.2 * a),
  "tanh": Math.tanh,
  "softplus": softplus,
};
// act'(a) from h = act(a)
const SLOPE = {
  "relu": (h) => (h > 0 ? 1 : 0),
  "leaky-relu": (h) => (h > 0 ? 1 : 0.2),
  "tanh": (h) => 1 - h * h,
  "softplus": (h) => -Math.expm1(-h),
};

// h_i+1 = act(h_i W_i + b_i); no activation after the last layer. Returns every h, the output last.
function decode(model, z) {
  const all = [Float64Array.from(z)];
  model.layers.forEach((layer, i) => {
    const h = all[i], a = Float64Array.from(layer.b), n = layer.n_out;
    for (let k = 0; k < layer.n_in; k++) {
      const value = h[k], row = k * n;
      if (value !== 0) for (let j = 0; j < n; j++) a[j] += value * layer.W[row + j];
    }
    if (i < model.layers.length - 1) for (let j = 0; j < n; j++) a[j] = ACTIVATE[model.activation](a[j]);
    all.push(a);
  });
  return all;
}

// df/dz from df/doutput: d_h = d_a W^T, d_a = d_h act'(a)
function backward(model, all, dOutput) {
  let d = dOutput;
  for (let i = model.layers.length - 1; i >= 0; i--) {
    const layer = model.layers[i], n = layer.n_out, below = new Float64Array(layer.n_in);
    for (let k = 0; k < layer.n_in; k++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += d[j] * layer.W[k * n + j];
      below[k] = i > 0 ? sum * SLOPE[model.activation](all[i][k]) : sum;
    }
    d = below;
  }
  return d;
}

// E[x|z]
function mean(model, output) {
  if (model.likelihood === "bernoulli") return output.map(sigmoid);
  return output.slice(0, model.data_dim);
}

// The likelihood's scale of each number, where it has one that is learned
function scaleOf(model, output) {
  if (model.likelihood !== "gaussian") return null;
  return Float64Array.from({ length: model.data_dim }, (_, i) => softplus(output[model.data_dim + i]) + 1e-6);
}

// The model's points, one or many, in the units of a person's data; a scale of the model's in them
function given(model, values) {
  if (!model.given) return Float64Array.from(values);
  const { shift, scale } = model.given, n = model.data_dim;
  return Float64Array.from(values, (value, i) => value * scale[i % n] + shift[i % n]);
}

function givenScale(model, values) {
  return values && model.given ? values.map((value, i) => value * model.given.scale[i]) : values;
}

// log p(x|z) and its gradient by the decoder's output
function logLikelihood(model, x, output) {
  const d = new Float64Array(output.length), n = model.data_dim, b = model.likelihood_scale;
  let total = 0;
  for (let i = 0; i < n; i++) {
    if (model.likelihood === "bernoulli") {
      total += x[i] * output[i] - softplus(output[i]);
      d[i] = x[i] - sigmoid(output[i]);
    } else if (model.likelihood === "laplace") {
      total += -Math.abs(x[i] - output[i]) / b - Math.log(2 * b);
      d[i] = Math.sign(x[i] - output[i]) / b;
    } else {
      const s = softplus(output[n + i]) + 1e-6, t = (x[i] - output[i]) / s;
      total += -0.5 * t * t - Math.log(s) - 0.5 * LOG_2PI;
      d[i] = t / s;
      d[n + i] = (t * t - 1) / s * sigmoid(output[n + i]);
    }
  }
  return [total, d];
}

// log N(z; loc, scale^2), summed over dimensions, and its gradient by z
function logNormal(z, loc, scale) {
  const d = new Float64Array(z.length);
  let total = 0;
  for (let i = 0; i < z.length; i++) {
    const t = (z[i] - loc[i]) / scale[i];
    total += -0.5 * t * t - Math.log(scale[i]) - 0.5 * LOG_2PI;
    d[i] = -t / scale[i];
  }
  return [total, d];
}

// log p(z) and its gradient by z
function logPrior(prior, z) {
  if (prior.kind === "gaussian") return logNormal(z, prior.loc, prior.scale);
  const d = new Float64Array(z.length);
  let total = 0;
  if (prior.kind === "mixture") {
    const parts = prior.loc.map((loc, m) => logNormal(z, loc, prior.scale[m]));
    const joint = parts.map(([value], m) => value + prior.log_weight[m]), top = Math.max(...joint);
    total = top + Math.log(joint.reduce((sum, value) => sum + Math.exp(value - top), 0));
    parts.forEach(([, slope], m) => slope.forEach((value, i) => { d[i] += Math.exp(joint[m] - total) * value; }));
    return [total, d];
  }
  for (let i = 0; i < z.length; i++) {
    const m = prior.loc[i], s = prior.scale[i], r = z[i] - m;
    if (prior.kind === "student-t") {
      const nu = prior.df;
      total += prior.log_normaliser - Math.log(s) - 0.5 * (nu + 1) * Math.log1p(r * r / (nu * s * s));
      d[i] = -(nu + 1) * r / (nu * s * s + r * r);
    } else {
      const a = prior.spike_scale, g = prior.gamma;
      const slab = Math.log(1 - g) - 0.5 * (r / s) ** 2 - Math.log(s), spike = Math.log(g) - 0.5 * (z[i] / a) ** 2 - Math.log(a);
      const top = Math.max(slab, spike), sum = Math.exp(slab - top) + Math.exp(spike - top);
      total += top + Math.log(sum) - 0.5 * LOG_2PI;
      d[i] = (-Math.exp(spike - top) * z[i] / (a * a) - Math.exp(slab - top) * r / (s * s)) / sum;
    }
  }
  return [total, d];
}

// A standard normal number (Box and Muller), and a sample of the prior
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

function samplePrior(prior, count) {
  const z = new Float64Array(count);
  let m = 0;
  if (prior.kind === "mixture") {
    let u = Math.random();
    while (m < prior.components - 1 && (u -= Math.exp(prior.log_weight[m])) > 0) m++;
  }
  for (let i = 0; i < count; i++) {
    const loc = prior.kind === "mixture" ? prior.loc[m][i] : prior.loc[i], s = prior.kind === "mixture" ? prior.scale[m][i] : prior.scale[i];
    if (prior.kind === "sparse" && Math.random() < prior.gamma) z[i] = prior.spike_scale * normal();
    else if (prior.kind === "student-t") {
      const u = 1 - Math.random();
      z[i] = loc + s * Math.sqrt(prior.df * Math.expm1(-2 / prior.df * Math.log(u))) * Math.cos(2 * Math.PI * Math.random());
    } else z[i] = loc + s * normal();
  }
  return z;
}
