"use strict";
// Adam (Kingma and Ba, ICLR 2015) with AMSGrad (Reddi, Kale and Kumar, ICLR 2018), on one parameter vector.

class Adam {
  constructor(size, amsgrad) {
    this.m = new Float64Array(size);
    this.v = new Float64Array(size);
    this.vMax = amsgrad ? new Float64Array(size) : null;
    this.step = 0;
  }

  // One step down the gradient of a loss, g = -gradient for the gradient of the objective.
  // m <- b1 m + (1 - b1) g          v <- b2 v + (1 - b2) g^2          v_max <- max(v_max, v)   (AMSGrad)
  // theta <- theta - lr / (1 - b1^t) m / (sqrt(v_max) / sqrt(1 - b2^t) + eps)
  update(vector, gradient, lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8) {
    const { m, v, vMax } = this;
    this.step += 1;
    const rate = lr / (1 - beta1 ** this.step), root = 1 / Math.sqrt(1 - beta2 ** this.step);
    for (let i = 0; i < vector.length; i++) {
      const g = -gradient[i];
      m[i] += (1 - beta1) * (g - m[i]);
      v[i] += (1 - beta2) * (g * g - v[i]);
      let second = v[i];
      if (vMax) second = vMax[i] = Math.max(vMax[i], second);
      vector[i] -= rate * m[i] / (Math.sqrt(second) * root + eps);
    }
  }
}
