"use strict";
// The trained model as the page's engine takes it, and the units of a person's data.

function trainedModel(model) {
  const decoder = new Network("dec", model.decoder.widths, model.decoder.activation);
  return {
    decoder, parameters: new Parameters(decoder.shapes(), Float64Array.from(floats(model.decoder.vector))),
    likelihood: LIKELIHOODS[model.likelihood].fromOptions(model), prior: typedPrior(model.prior), dataDim: model.data_dim,
  };
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
