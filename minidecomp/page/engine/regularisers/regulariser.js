"use strict";
// D(q(z), p(z)), estimated from a batch: the regularisers by name.

// valueAndGrad(priorSample, z, loc, scale, prior, rows, samples): loc, scale and the prior's sample are (rows, D), z is
// (samples, rows, D).
const REGULARISERS = {};
