"use strict";
// The run that minidecomp/playground/content.py gave to the page.

const OF_THE_RUN = "run"; // the page's name for the run's data

// An array in the page's content: {dtype, base64}
function decodedArray({ dtype, base64 }) {
  return Float64Array.from(dtype === "float32" ? floats(base64) : doubles(base64));
}

// {name, options, dataOption, data, state, notes}
function decodedRun(content) {
  const { data, state, options } = content, array = (each) => each && decodedArray(each);
  const extra = { prior_logits: array(state.prior_logits), prior_scale: array(state.prior_scale) };
  const present = Object.entries(extra).filter(([, value]) => value !== null);
  return {
    name: content.name,
    notes: content.notes,
    options: { ...CONSTANTS.defaults, ...options, ...Object.fromEntries(present), data: OF_THE_RUN },
    dataOption: options.data,
    data: { ...data, x: array(data.x), labels: data.labels && Int32Array.from(data.labels) },
    state: { vector: array(state.parameters), m: array(state.m), v: array(state.v), vMax: array(state.v_max),
      step: state.step, epoch: state.epoch, row: state.row },
  };
}
