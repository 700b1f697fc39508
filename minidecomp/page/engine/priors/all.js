"use strict";
// Functions that work for every prior, based on what each prior says about itself.

for (const prior of Object.values(PRIORS)) {
  prior.logDensity = (own, z, rows) => prior.logDensityAndGrad(own, z, rows).value;
  prior.marginal = priorOfDimensions;
}

// A prior from plain values, as minidecomp/page/values.py writes them
function typedPrior(values) {
  const typed = Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? Float64Array.from(value) : value]);
  return Object.fromEntries(typed);
}
