# The declarations of codes.h and formulas.h for Cython; the including module defines `real`.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "codes.h" nogil:
    enum:
        RELU, LEAKY_RELU, TANH, SOFTPLUS, LINEAR, ACTIVATION_COUNT
        EXP_LINK, SCALE_LINK_COUNT
        BERNOULLI, GAUSSIAN, LAPLACE, LIKELIHOOD_COUNT
        GAUSSIAN_PRIOR, STUDENT_T_PRIOR, MIXTURE_PRIOR, SPARSE_PRIOR, PRIOR_COUNT
        ANALYTIC, MONTE_CARLO, KL_ESTIMATOR_COUNT
        MMD, INCLUSIVE_KL, NO_REGULARISER
        REAL_DATA, BYTE_DATA, BIT_DATA
        LOG_LIKELIHOOD, KL, REGULARISER, GRADIENT
        POSTERIOR, PRIOR, PRIOR_CHOICE
        MAX_LAYERS, LEAST_MMD_POINTS, KERNEL_COUNT
    const double LARGEST_GRADIENT_FLOAT, LARGEST_GRADIENT_DOUBLE, MMD_FAR_FLOAT, MMD_FAR_DOUBLE

cdef extern from "formulas.h" nogil:
    real MD_LOG_2PI
    real MD_MIN_SCALE
    void md_philox(uint32_t block, uint64_t step, uint32_t purpose, uint64_t seed, uint32_t* w)
    real md_open_unit(uint32_t w)
    void md_normal_pair(uint32_t w0, uint32_t w1, real* z0, real* z1)
    real md_student_t(uint32_t w0, uint32_t w1, real df)
    real md_softplus(real x)
    real md_relu(real a)
    real md_leaky_relu(real a)
    real md_relu_slope(real h)
    real md_leaky_relu_slope(real h)
    real md_tanh_slope(real h)
    real md_softplus_slope(real h)
    real md_exp_link(real raw, real* slope)
    real md_softplus_link(real raw, real* slope)
    real md_bernoulli(real x, real logit, real* d_logit)
    real md_gaussian(real x, real loc, real raw, real* d_loc, real* d_raw)
    real md_laplace(real x, real loc, real inverse_scale, real* d_loc)
    real md_normal_log_density(real z, real loc, real scale)
    real md_gaussian_prior(real z, real loc, real scale, real* d_z, real* d_variance)
    real md_student_t_prior(real z, real loc, real scale, real df, real log_normaliser, real* d_z, real* d_variance)
    real md_sparse_prior(real z, real loc, real scale, real log_slab, real log_spike, real spike_scale,
                         real* d_z, real* d_variance)
    real md_gaussian_kl(real loc, real scale, real prior_loc, real prior_scale,
                        real* d_loc, real* d_scale, real* d_variance)
    real md_mmd_kernel(real s, real* d_s)
    real md_mmd_kernel_far(real s, real* d_s)
    real md_adam(real g, real* m, real* v, real* v_max, real rest1, real rest2, real rate, real root, real eps)
