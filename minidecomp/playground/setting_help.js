"use strict";
// What each setting does, in a sentence or two.

const SETTING_HELP = {
  beta: "The weight of KL(q(z|x) || p(z)): what a nat costs that an encoding tells. More makes the ellipses wider.",
  alpha: "The weight of D: it makes all encodings together be distributed as the prior. 0 leaves D out.",
  regulariser: "How D is measured: kl-inc is the KL divergence from p(z) to q(z); mmd compares both in each dimension.",
  kl: "monte-carlo takes the KL term at the sampled z; analytic computes it without sampling, for a gaussian prior.",
  log_prior_multiplier: "How often log p(z) counts in the KL term. 1 is right; the authors' code counts a mixture's "
    + "once for each latent dimension.",
  prior: "The distribution that z is to have, and from which new points are sampled.",
  components: "How many normal distributions the mixture has; they stand on a circle.",
  component_radius: "How far the mixture's components are from the middle.",
  df: "How heavy the Student-t prior's tails are: less is heavier.",
  gamma: "The probability with which a coordinate comes from the narrow spike at 0.",
  spike_scale: "The standard deviation of the sparse prior's spike.",
  prior_variance_scale: "The prior's variance in each direction; of a mixture, each component's.",
  learn_prior_variance: "Trains the prior's variances together with the networks.",
  likelihood: "What the decoder's output says about x: bernoulli for values from 0 to 1, the others for any.",
  likelihood_scale: "The width of the laplace likelihood. Less weighs the reconstruction more.",
  scale_link: "How the encoder's output becomes the ellipse's scale, which must be above 0.",
  hidden: "The widths of the encoder's hidden layers, with commas between; the decoder has them in reverse.",
  latent_dim: "How many numbers z has. Beyond two, the plane shows two of them.",
  activation: "The function after each hidden layer.",
  lr: "How far Adam goes in a step. Too much makes training jump or fail.",
  batch_size: "How many points a step sees. Less makes the steps quicker and noisier.",
  samples: "How many z are drawn of each posterior in a step.",
  amsgrad: "Adam divides by the largest gradients so far, not by the recent ones.",
  points_per_arm: "How many points each arm of the pinwheel has.",
  data_seed: "Which points are drawn.",
  seed: "Which weights training begins with and which noise it draws. The same seed gives the same numbers again.",
};
