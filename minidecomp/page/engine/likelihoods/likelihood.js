"use strict";
// p(x|z): the likelihoods by their names. x (rows, dx) goes with an output of as many rows, or of K times as many.

const LIKELIHOODS = {};
