"use strict";
// What every prior can do by what it has told.

for (const prior of Object.values(PRIORS)) {
  prior.logDensity = (own, z, rows) => prior.logDensityAndGrad(own, z, rows).value;
  prior.marginal = priorOfDimensions;
}
