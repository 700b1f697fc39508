"use strict";
// The Gaussian mixture prior p(z) = sum_m pi_m N(m_m, diag v_m), M components.

// Locations (M, D): evenly on a circle in the first two dimensions; a line if D = 1
function ringOfComponents(components, dims, radius) {
  const loc = new Float64Array(components * dims);
  for (let m = 0; m < components; m++) {
    if (dims === 1) {
      loc[m] = components > 1 ? -radius + 2 * radius * m / (components - 1) : 0;
      continue;
    }
    const angle = 2 * Math.PI * m / components;
    loc[m * dims] = radius * Number(Math.cos(angle).toFixed(15));
    loc[m * dims + 1] = radius * Number(Math.sin(angle).toFixed(15));
  }
  return loc;
}

// log pi_m + log N(z; m_m, v_m) of one point, for all M components
function jointLogDensity(prior, z, row) {
  const { dims } = prior, joint = Float64Array.from(prior.logWeight);
  for (let at = 0; at < prior.loc.length; at++) {
    joint[Math.floor(at / dims)] += normalLogDensity(z[row * dims + at % dims], prior.loc[at], prior.scale[at]);
  }
  return joint;
}

// log p = logsumexp_m (log pi_m + log N(z; m_m, v_m)),   R_m = softmax_m of the same
// d/dz = -sum_m R_m (z - m_m) / v_m            d/dv = sum_m R_m ((z - m_m)^2 / v_m^2 - 1 / v_m) / 2
function mixtureDensity(prior, z, rows) {
  const { dims } = prior, value = new Float64Array(rows);
  const bySample = new Float64Array(z.length), variance = new Float64Array(z.length);
  for (let row = 0; row < rows; row++) {
    const joint = jointLogDensity(prior, z, row);
    value[row] = logSumExp(joint);
    for (let at = 0; at < prior.loc.length; at++) {
      const R = Math.exp(joint[Math.floor(at / dims)] - value[row]), to = row * dims + at % dims;
      const r = z[to] - prior.loc[at], v = prior.scale[at] ** 2;
      bySample[to] -= R * r / v;
      variance[to] += R * 0.5 * (r * r / (v * v) - 1 / v);
    }
  }
  return { value, z: bySample, variance };
}

// The component that a uniform number u chooses: the first m with u < pi_1 + ... + pi_m
function mixtureComponent(prior, u) {
  let m = 0, edge = Math.exp(prior.logWeight[0]);
  while (m < prior.components - 1 && u >= edge) edge += Math.exp(prior.logWeight[++m]);
  return m;
}

PRIORS.mixture = {
  name: "mixture",
  noise: "normal",
  choice: "point",
  fromOptions: (options, scale) => {
    const { components } = options, dims = scale.length;
    return {
      name: "mixture", dims, components, loc: ringOfComponents(components, dims, options.component_radius),
      scale: Float64Array.from({ length: components * dims }, (_, i) => scale[i % dims]),
      logWeight: new Float64Array(components).fill(-Math.log(components)),
    };
  },
  logDensityAndGrad: mixtureDensity,
  // z = m_c + s_c e with the component c that u chooses
  sample: (prior, noise, choice) => noise.map((e, i) => {
    const at = mixtureComponent(prior, choice[Math.floor(i / prior.dims)]) * prior.dims + i % prior.dims;
    return prior.loc[at] + prior.scale[at] * e;
  }),
  sampleGrad: (prior, dSample, noise, choice) => dSample.map((d, i) => {
    const at = mixtureComponent(prior, choice[Math.floor(i / prior.dims)]) * prior.dims + i % prior.dims;
    return d * noise[i] / (2 * prior.scale[at]);
  }),
};
