"use strict";
// What each setting does, in a sentence or two.

const SETTING_HELP = {
  beta: "The weight of KL(q(z|x) || p(z)), the price of a nat that an encoding carries. More widens the ellipses.",
  alpha: "The weight of D, which makes the encodings, taken together, follow the prior. 0 leaves D out.",
  regulariser: "How D is measured: kl-inc is the divergence KL(p || q); mmd compares p and q in each dimension.",
  kl: "monte-carlo estimates the KL term from the sampled z; analytic computes it exactly, for a gaussian prior only.",
  log_prior_multiplier: "The factor of log p(z) in the KL term. 1 is correct; for a mixture, the authors' code uses "
    + "the number of latent dimensions.",
  prior: "The distribution that the encodings should follow. New points are sampled from it.",
  components: "The number of normal distributions in the mixture. Their centres lie on a circle.",
  component_radius: "The distance of the mixture's components from the origin.",
  df: "The Student-t prior's degrees of freedom: fewer make its tails heavier.",
  gamma: "The probability that a coordinate comes from the narrow spike at 0.",
  spike_scale: "The standard deviation of the sparse prior's spike.",
  prior_variance_scale: "The variance of the prior, or of each component of a mixture, in each dimension.",
  learn_prior_variance: "Learns the prior's variances together with the networks.",
  likelihood: "The distribution of x given z: bernoulli for values from 0 to 1, the others for any numbers.",
  likelihood_scale: "The width of the laplace likelihood. Less gives the reconstruction more weight.",
  scale_link: "The function that turns the encoder's output into the ellipse's scale, which must be above 0.",
  hidden: "The widths of the encoder's hidden layers, separated by commas. The decoder has them in reverse order.",
  latent_dim: "The number of dimensions of z. If there are more than two, the plane shows two of them.",
  activation: "The function after each hidden layer.",
  lr: "How far Adam moves in a step. If it is too large, training jumps or fails.",
  batch_size: "The number of points in a step. Fewer make the steps faster and noisier.",
  samples: "The number of samples z that a step draws from each posterior.",
  amsgrad: "Adam divides by the largest gradients so far instead of the recent ones.",
  points_per_arm: "The number of points in each arm of the pinwheel.",
  data_seed: "The seed of the data: another one draws other points.",
  seed: "The seed of the initial weights and of all noise. The same seed gives the same numbers again.",
};
