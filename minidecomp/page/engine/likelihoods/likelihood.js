"use strict";
// p(x|z): the likelihoods by their names. The output has as many rows as x (rows, dx), or K times as many.

const LIKELIHOODS = {};
