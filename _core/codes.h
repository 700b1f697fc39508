/* Every order, limit and constant that compiled code and Python share, defined in this file alone.

   It is plain C: the engines (formulas.pxi), the kernels (kernels.cu) and minidecomp._core.codes (codes.pyx) use it.
   An order is a list of X(code, name). The enum below and Python's tuple of names both come from the list, so a name's
   place in the tuple is its code. */
#ifndef MD_CODES_H
#define MD_CODES_H

/* ---- orders ---- */

#define MD_ACTIVATIONS(X) X(RELU, "relu") X(LEAKY_RELU, "leaky-relu") X(TANH, "tanh") X(SOFTPLUS, "softplus")
#define MD_SCALE_LINKS(X) X(SOFTPLUS_LINK, "softplus") X(EXP_LINK, "exp")
#define MD_LIKELIHOODS(X) X(BERNOULLI, "bernoulli") X(GAUSSIAN, "gaussian") X(LAPLACE, "laplace")
#define MD_PRIORS(X)                                                            \
    X(GAUSSIAN_PRIOR, "gaussian") X(STUDENT_T_PRIOR, "student-t")               \
    X(MIXTURE_PRIOR, "mixture") X(SPARSE_PRIOR, "sparse")
#define MD_KL_ESTIMATORS(X) X(ANALYTIC, "analytic") X(MONTE_CARLO, "monte-carlo")
#define MD_REGULARISERS(X) X(MMD, "mmd") X(INCLUSIVE_KL, "kl-inc")
#define MD_TERMS(X) X(LOG_LIKELIHOOD, "log_likelihood") X(KL, "kl") X(REGULARISER, "regulariser")
#define MD_FAULTS(X) MD_TERMS(X) X(GRADIENT, "gradient")

/* ---- the GPU engine's small arrays: its state, its numbers, Adam's rates, and a prior's constants ---- */

#define MD_STATE(X)                                                             \
    X(STEP, "step") X(SEED, "seed") X(FIRST, "first") /* of the batch, in `order` */ \
    X(FAULT, "fault") X(DONE, "done") X(BAD, "bad")                             \
    X(EPOCH_ROWS, "epoch_rows") X(USED_ROWS, "used_rows") /* an epoch's rows in `order`; those that are used */ \
    X(END, "end") X(ARRIVED, "arrived") /* of all epochs in `order`; how often a block has reached a grid's barrier */
#define MD_ADAM(X) X(LR, "lr") X(BETA1, "beta1") X(BETA2, "beta2") X(EPS, "eps")
#define MD_RATES(X) X(RATE, "rate") X(ROOT, "root") X(REST1, "rest1") X(REST2, "rest2") X(TINY, "tiny")
#define MD_PRIOR_CONSTANTS(X)                                                   \
    X(DF, "df") X(LOG_NORMALISER, "log_normaliser") X(GAMMA, "gamma")           \
    X(LOG_SLAB, "log_slab") X(LOG_SPIKE, "log_spike") X(SPIKE_SCALE, "spike_scale")

#define MD_CODE(code, name) code,
enum { MD_ACTIVATIONS(MD_CODE) LINEAR, ACTIVATION_COUNT = LINEAR }; /* LINEAR, no activation, has no name */
enum { MD_SCALE_LINKS(MD_CODE) SCALE_LINK_COUNT };
enum { MD_LIKELIHOODS(MD_CODE) LIKELIHOOD_COUNT };
enum { MD_PRIORS(MD_CODE) PRIOR_COUNT };
enum { MD_KL_ESTIMATORS(MD_CODE) KL_ESTIMATOR_COUNT };
enum { MD_REGULARISERS(MD_CODE) NO_REGULARISER };
enum { MD_FAULTS(MD_CODE) FAULT_COUNT, TERM_COUNT = GRADIENT };
enum { REAL_DATA, BYTE_DATA, BIT_DATA };
enum { MD_STATE(MD_CODE) STATE_COUNT };
enum { WEIGHT, VALUE = WEIGHT + TERM_COUNT, LAST_VALUE = VALUE + TERM_COUNT - 1, MD_ADAM(MD_CODE) NUMBER_COUNT };
enum { POINTS = TERM_COUNT, TOTAL_COUNT }; /* an epoch's totals: the terms, then the number of points */
enum { MD_RATES(MD_CODE) RATE_COUNT };
enum { MD_PRIOR_CONSTANTS(MD_CODE) PRIOR_CONSTANT_COUNT };

/* ---- the core's purposes of random numbers; minidecomp/randomness/streams.py has the others ---- */

enum { POSTERIOR = 0, PRIOR = 1, PRIOR_CHOICE = 2, SHUFFLE = 4 };

/* ---- limits ---- */

#define MAX_LAYERS 32
#define MAX_THREADS 256
#define LEAST_MMD_POINTS 2        /* its estimator divides by B - 1 */
#define LARGEST_GRADIENT_FLOAT 1e18 /* its square is finite in Adam */
#define LARGEST_GRADIENT_DOUBLE 1e150
#define MMD_FAR_FLOAT 1e6         /* limit of s, whose sixth power must be finite */
#define MMD_FAR_DOUBLE 1e50
#define GPU_BLOCK 256             /* the largest number of threads in a block */
#define GPU_WARP 32               /* the threads of a warp */
#define PACK 4                    /* numbers that a thread of the GPU loads at once: 16 bytes of float */
#define SMALL_ROW_BYTES 1024      /* of the widest layer's row of a small model, whose steps one launch makes */
#define SMALL_LAYERS 16           /* of its two networks together */
#define SMALL_LAYER_FIELDS 10     /* numbers that the launch is told of a layer */
#define GPU_MMD_WIDTH 0.5         /* of a cell in the GPU's MMD (gpu/mmd.cuh): a power of two */
#define GPU_MMD_SPAN 64           /* the largest number of cells from the first to the last: a power of two */
#define GPU_MMD_ORDER_FLOAT 16    /* coefficients per cell: a power of two, at most 32 */
#define GPU_MMD_ORDER_DOUBLE 32

/* ---- constants ---- */

#define LOG_2PI 1.8378770664093453
#define MIN_SCALE 1e-6
#define LEAKY_SLOPE 0.2
#define MD_KERNEL_SCALES(X) X(0.2) X(0.4) X(1.0) X(2.0) X(4.0) X(10.0) /* of the MMD, k(r) = sum_c c / (c + r^2) */

#define MD_AND_ONE(c) +1
enum { KERNEL_COUNT = 0 MD_KERNEL_SCALES(MD_AND_ONE) }; /* their number, which is also k(0) */

#endif
