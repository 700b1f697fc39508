"use strict";
// The scaling of a table's columns, and the note about numbers far from size 1, both as in `minidecomp train`.

const HALF_DIGITS = 30; // binary digits in each of the two whole numbers that represent a fraction
const LARGE_SIZE = 20, SMALL_SIZE = 0.05;

// x' = (x - shift) / scale of each column: the training points' mean, and their standard deviation or, if it is 0, 1
function standardScaling(x, width) {
  const columns = Array.from({ length: width }, (_, j) => x.filter((_, i) => i % width === j));
  return columns.map((column) => {
    const [least, greatest] = extremesOfValues(column), size = Math.max(-least, greatest, 1e-300);
    const shift = size * exactMean(column.map((value) => value / size));
    const reach = Math.max(shift - least, greatest - shift, 1e-300);
    const squares = column.map((value) => ((value - shift) / reach) * ((value - shift) / reach));
    return { shift, scale: reach * Math.sqrt(exactMean(squares)) || 1 };
  });
}

function standardisedRows(x, width, scaling) {
  return x.map((value, i) => (value - scaling[i % width].shift) / scaling[i % width].scale);
}

function extremesOfValues(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

// The mean of numbers from -1 to 1. Each is split into two whole numbers, whose sums are exact.
function exactMean(values) {
  const unit = 2 ** HALF_DIGITS;
  let sum = 0n;
  for (const value of values) {
    const whole = roundHalfEven(value * unit), rest = roundHalfEven((value * unit - whole) * unit);
    sum += (BigInt(whole) << BigInt(HALF_DIGITS)) + BigInt(rest);
  }
  return quotientOfWhole(sum, BigInt(values.length)) / unit / unit;
}

// The number nearest to numerator / denominator. The last of its many binary digits says whether there is a remainder.
function quotientOfWhole(numerator, denominator) {
  const size = numerator < 0n ? -numerator : numerator, shifted = size << 128n;
  const digits = shifted / denominator | (shifted % denominator ? 1n : 0n);
  return (numerator < 0n ? -1 : 1) * Number(digits) / 2 ** 128;
}

// A line about data whose size is far from 1, with their range and advice; empty if there is nothing to say
function sizeNote(name, x, scaled) {
  const [low, high] = extremesOfValues(x), size = Math.max(-low, high);
  if (size === 0 || (size >= SMALL_SIZE && size <= LARGE_SIZE)) return "";
  const from = `from ${generalText(low)} to ${generalText(high)}`;
  if (low >= 0 && high >= 100 && high <= 255 && x.every(Number.isInteger)) {
    return `${name}: whole numbers ${from} look like bytes but are not uint8, so they are trained on as they are, `
      + "which is too large to train on well; if they are bytes, --scale bytes divides them by 255";
  }
  const advice = "--scale standardise brings each column to mean 0 and standard deviation 1";
  const better = scaled ? "this is due to --scale standardise; --scale none may do better"
    : low < 0 ? advice : `${advice}, --scale unit to 0..1`;
  const fault = `too ${size > LARGE_SIZE ? "large" : "small"} to train on well`;
  return `${name}: the numbers go ${from}, ${fault}: ${better}`;
}

// A number with up to six significant digits, as Python writes it with :g
function generalText(value) {
  const [digits, exponent] = value.toExponential(5).split("e"), power = Number(exponent);
  if (value === 0 || (power >= -4 && power < 6)) return String(Number(value.toPrecision(6)));
  const sign = power < 0 ? "-" : "+";
  return `${String(Number(digits))}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}
