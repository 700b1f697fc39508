"use strict";
// Random numbers from a counter: Philox 4x32-10 (Salmon et al., SC 2011), the same numbers as minidecomp/randomness.

const PHILOX_MULTIPLIERS = [0xd2511f53, 0xcd9e8d57], PHILOX_WEYL = [0x9e3779b9, 0xbb67ae85];
const MOST_PERMUTED = 2 ** 21; // so that a word times an index is below 2^53, and exact

// The low and the high 32 bits of a number up to 2^64 - 1, given as Number, decimal text or BigInt.
function wordsOf(value) {
  const wide = BigInt(value);
  return [Number(wide & 0xffffffffn), Number(wide >> 32n & 0xffffffffn)];
}

// The high 32 bits of the product of two 32-bit numbers, from the products of their halves
function highWord(a, b) {
  const a0 = a & 0xffff, a1 = a >>> 16, b0 = b & 0xffff, b1 = b >>> 16;
  const middle = a1 * b0 + (a0 * b0 >>> 16), other = a0 * b1 + (middle & 0xffff);
  return a1 * b1 + (middle >>> 16) + (other >>> 16) >>> 0;
}

// The first words of a stream: word j of block b is philox((b, step, step >> 32, purpose), seed)[j].
function philoxWords(count, seed, purpose, step) {
  const words = new Uint32Array(count), [seed0, seed1] = wordsOf(seed), [step0, step1] = wordsOf(step);
  const [m0, m1] = PHILOX_MULTIPLIERS;
  for (let block = 0; 4 * block < count; block++) {
    let c0 = block, c1 = step0, c2 = step1, c3 = purpose, k0 = seed0, k1 = seed1;
    for (let round = 0; round < 10; round++) {
      const high0 = highWord(m0, c0), low0 = Math.imul(m0, c0), high1 = highWord(m1, c2), low1 = Math.imul(m1, c2);
      c0 = high1 ^ c1 ^ k0;
      c1 = low1;
      c2 = high0 ^ c3 ^ k1;
      c3 = low0;
      k0 = k0 + PHILOX_WEYL[0] | 0;
      k1 = k1 + PHILOX_WEYL[1] | 0;
    }
    const at = 4 * block;
    words[at] = c0; // the last block may reach beyond the end, where assignments are ignored
    if (at + 1 < count) words[at + 1] = c1;
    if (at + 2 < count) words[at + 2] = c2;
    if (at + 3 < count) words[at + 3] = c3;
  }
  return words;
}

// u = (floor(w / 2^9) + 1/2) / 2^23: in (0, 1)
function openUnit(word) {
  return ((word >>> 9) + 0.5) * 2 ** -23;
}

// Uniform numbers in (0, 1), one word each
function uniforms(count, seed, purpose, step) {
  return Float64Array.from(philoxWords(count, seed, purpose, step), openUnit);
}

// Standard normal numbers by Box and Muller (1958), two from two words:
// z_2i = sqrt(-2 log u_2i) cos(2 pi u_2i+1),   z_2i+1 = sqrt(-2 log u_2i) sin(2 pi u_2i+1)
function normals(count, seed, purpose, step) {
  const words = philoxWords(count + count % 2, seed, purpose, step), z = new Float64Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(openUnit(words[i]))), angle = 2 * Math.PI * openUnit(words[i + 1]);
    z[i] = radius * Math.cos(angle);
    if (i + 1 < count) z[i + 1] = radius * Math.sin(angle);
  }
  return z;
}

// Student-t numbers by Bailey's polar method (1994), one from two words:
// t_i = sqrt(df (u_2i^(-2/df) - 1)) cos(2 pi u_2i+1)
function studentTs(count, df, seed, purpose, step) {
  const words = philoxWords(2 * count, seed, purpose, step);
  return Float64Array.from({ length: count }, (_, i) => Math.sqrt(df * Math.expm1(-2 / df * Math.log(openUnit(words[2 * i]))))
    * Math.cos(2 * Math.PI * openUnit(words[2 * i + 1])));
}

// A random order of 0..n-1 by Fisher and Yates. For i = n-1 down to 1: j = floor(w_i (i + 1) / 2^32), swap entries i and j.
function permutation(n, seed, purpose, step) {
  if (n > MOST_PERMUTED) throw new Error(`the page can hold at most ${MOST_PERMUTED} points, not ${n}`);
  const words = philoxWords(n, seed, purpose, step), order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(words[i] * (i + 1) / 2 ** 32);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
