"use strict";
// Functions of numbers that several terms share.

const { LOG_2PI, MIN_SCALE } = CONSTANTS;

// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which cannot overflow
function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

// 1 / (1 + e^-x) = (1 or e^x) / (1 + e^-|x|), which cannot overflow
function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

// log sum_i e^x_i = m + log sum_i e^(x_i - m) with m = max_i x_i, which cannot overflow
function logSumExp(values) {
  let top = -Infinity, sum = 0;
  for (const value of values) top = Math.max(top, value);
  if (top === -Infinity) return top;
  for (const value of values) sum += Math.exp(value - top);
  return top + Math.log(sum);
}

// log N(z; m, s^2) = -((z - m) / s)^2 / 2 - log s - log(2 pi) / 2
function normalLogDensity(z, loc, scale) {
  const t = (z - loc) / scale;
  return -0.5 * t * t - Math.log(scale) - 0.5 * LOG_2PI;
}

// The mean of an array's numbers
function meanOf(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

// total += weight * values, entry by entry
function addScaled(total, values, weight) {
  for (let i = 0; i < total.length; i++) total[i] += weight * values[i];
}

// The sums of the columns of values (rows, width)
function columnSums(values, width) {
  const sums = new Float64Array(width);
  for (let i = 0; i < values.length; i++) sums[i % width] += values[i];
  return sums;
}

// Column d of values (rows, width)
function column(values, rows, width, d) {
  const picked = new Float64Array(rows);
  for (let i = 0; i < rows; i++) picked[i] = values[i * width + d];
  return picked;
}
