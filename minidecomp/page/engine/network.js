"use strict";
// The multilayer perceptron of encoder and decoder, forward and backward, and the parameters in one vector.

const ACTIVATIONS = {
  "relu": { value: (a) => Math.max(a, 0), slope: (h) => (h > 0 ? 1 : 0) },
  "leaky-relu": {
    value: (a) => (a > 0 ? a : CONSTANTS.LEAKY_SLOPE * a),
    slope: (h) => (h > 0 ? 1 : CONSTANTS.LEAKY_SLOPE),
  },
  "tanh": { value: Math.tanh, slope: (h) => 1 - h * h },
  "softplus": { value: softplus, slope: (h) => -Math.expm1(-h) }, // sigmoid(a) = 1 - e^-h
};

// Named arrays that are views into one vector. `shapes` is [[name, rows, columns], ..] in the vector's order.
class Parameters {
  constructor(shapes, vector) {
    this.shapes = shapes;
    this.vector = vector || new Float64Array(shapes.reduce((sum, [, rows, columns]) => sum + rows * columns, 0));
    this.views = new Map();
    let start = 0;
    for (const [name, rows, columns] of shapes) {
      this.views.set(name, this.vector.subarray(start, start + rows * columns));
      start += rows * columns;
    }
    if (start !== this.vector.length) throw new Error(`${this.vector.length} weights, the model has ${start}`);
  }

  get(name) {
    return this.views.get(name);
  }

  has(name) {
    return this.views.has(name);
  }
}

// h_i+1 = act(h_i W_i + b_i), with no activation after the last layer. `widths` are those of the input, the hidden
// layers and the output.
class Network {
  constructor(name, widths, activation) {
    this.name = name;
    this.widths = widths;
    this.activation = activation;
    this.layers = widths.length - 1;
  }

  shapes() {
    return this.widths.slice(1).flatMap((width, i) => [
      [`${this.name}.${i}.W`, this.widths[i], width],
      [`${this.name}.${i}.b`, 1, width],
    ]);
  }

  // The output (rows, out) for x (rows, in), and every layer's input, which backward needs.
  forward(parameters, x, rows) {
    const inputs = [], { value } = ACTIVATIONS[this.activation];
    let h = x;
    for (let i = 0; i < this.layers; i++) {
      inputs.push(h);
      h = affine(h, parameters.get(`${this.name}.${i}.W`), parameters.get(`${this.name}.${i}.b`), rows);
      if (i < this.layers - 1) for (let at = 0; at < h.length; at++) h[at] = value(h[at]);
    }
    return { output: h, inputs };
  }

  // The gradient with respect to x (rows, in), from that with respect to the output. If `gradient` is given, the gradient
  // with respect to each parameter is added to it.
  // d/dW = h^T d_a        d/db = sum d_a        d/dh = d_a W^T        d_a of the layer below = d/dh act'(a)
  backward(parameters, inputs, dOutput, rows, gradient = null, byInput = true) {
    const { slope } = ACTIVATIONS[this.activation];
    let d = dOutput;
    for (let i = this.layers - 1; i >= 0; i--) {
      const name = `${this.name}.${i}`, h = inputs[i], out = this.widths[i + 1];
      if (gradient) {
        gradient.get(`${name}.b`).set(columnSums(d, out));
        weightGradient(gradient.get(`${name}.W`), h, d, rows, out);
      }
      if (i === 0 && !byInput) return null;
      d = timesTransposed(d, parameters.get(`${name}.W`), rows, out);
      if (i > 0) for (let at = 0; at < d.length; at++) d[at] *= slope(h[at]);
    }
    return d;
  }
}

// h W + b
function affine(h, W, b, rows) {
  const out = b.length, width = W.length / out, a = new Float64Array(rows * out);
  for (let r = 0; r < rows; r++) {
    const to = r * out;
    for (let j = 0; j < out; j++) a[to + j] = b[j];
    for (let k = 0; k < width; k++) {
      const value = h[r * width + k], from = k * out;
      if (value !== 0) for (let j = 0; j < out; j++) a[to + j] += value * W[from + j];
    }
  }
  return a;
}

// h^T d, added to `total`
function weightGradient(total, h, d, rows, out) {
  const width = total.length / out;
  total.fill(0);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < width; k++) {
      const value = h[r * width + k], to = k * out, from = r * out;
      if (value !== 0) for (let j = 0; j < out; j++) total[to + j] += value * d[from + j];
    }
  }
}

// d W^T
function timesTransposed(d, W, rows, out) {
  const width = W.length / out, back = new Float64Array(rows * width);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < width; k++) {
      let sum = 0;
      for (let j = 0; j < out; j++) sum += d[r * out + j] * W[k * out + j];
      back[r * width + k] = sum;
    }
  }
  return back;
}
