"use strict";
// The trained model in the form that the page's engine takes, and the units of the data.

function trainedModel(model) {
  const decoder = new Network("dec", model.decoder.widths, model.decoder.activation);
  return {
    decoder, parameters: new Parameters(decoder.shapes(), Float64Array.from(floats(model.decoder.vector))),
    likelihood: LIKELIHOODS[model.likelihood].fromOptions(model), prior: typedPrior(model.prior), dataDim: model.data_dim,
  };
}

// One or more of the model's points in the units of the data
function given(model, values) {
  if (!model.given) return Float64Array.from(values);
  const { shift, scale } = model.given, n = model.data_dim;
  return Float64Array.from(values, (value, i) => value * scale[i % n] + shift[i % n]);
}

// A scale of the model in the units of the data
function givenScale(model, values) {
  return values && model.given ? values.map((value, i) => value * model.given.scale[i]) : values;
}
