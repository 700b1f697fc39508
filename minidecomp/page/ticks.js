"use strict";
// Round ticks for axes, and their labels.

// Multiples of 1, 2 or 5 times a power of ten from low to high, up to a number of ticks
function roundTicks(low, high, most) {
  if (!(high > low) || !Number.isFinite(high - low)) return Number.isFinite(low) ? [low] : [];
  let step = roundStep((high - low) / (most + 1));
  const first = () => Math.ceil(low / step - 1e-9), last = () => Math.floor(high / step + 1e-9);
  while (last() - first() >= most) step = roundStep(1.5 * step);
  const count = Math.max(last() - first() + 1, 0);
  return Array.from({ length: count }, (_, k) => Number(((first() + k) * step).toPrecision(12)));
}

// The smallest of 1, 2, 5 times a power of ten that is at least a number
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least) + 1e-9);
  return Number((power * [1, 2, 5, 10].find((part) => part * power >= least * (1 - 1e-9))).toPrecision(12));
}

// A tick's number, with just enough digits to tell the ticks apart
function tickText(value, ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : Math.abs(value) || 1, size = Math.max(...ticks.map(Math.abs));
  if (size >= 1e5 || (size > 0 && step < 1e-4)) return value === 0 ? "0" : Number(value.toPrecision(3)).toExponential();
  return value.toFixed(Math.min(Math.max(-Math.floor(Math.log10(step) + 1e-9), 0), 6)).replace("-", "−");
}

// The power of ten that is moved from the ticks to the axis's name; 0 if the numbers are short
function powerOfTicks(ticks) {
  const size = Math.max(0, ...ticks.map(Math.abs)), power = Math.floor(Math.log10(size) + 1e-9);
  const apart = ticks.length < 2 || (ticks[1] - ticks[0]) / 10 ** power >= 0.005;
  return size > 0 && (size >= 1e4 || size < 0.01) && apart ? power : 0;
}

// The ticks' numbers as texts, and the axis's name with the power of ten that was moved to it: "income (10⁵)"
function tickTexts(ticks, name) {
  const power = powerOfTicks(ticks), left = ticks.map((value) => Number((value / 10 ** power).toPrecision(12)));
  const raised = String(power).replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
  return { texts: left.map((value) => tickText(value, left)), name: power === 0 ? name : `${name} (10${raised})` };
}
