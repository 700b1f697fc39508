# cython: language_level=3
# cython: freethreading_compatible=True
"""Gives Python what codes.h has; a name's place in a tuple of names is its code."""

cdef extern from *:
    """
    #include "codes.h"
    #define MD_NAME(code, name) name " "
    #define MD_NUMBER(c) c,
    static const char *const md_activations = MD_ACTIVATIONS(MD_NAME), *const md_scale_links = MD_SCALE_LINKS(MD_NAME);
    static const char *const md_likelihoods = MD_LIKELIHOODS(MD_NAME), *const md_priors = MD_PRIORS(MD_NAME);
    static const char *const md_kl_estimators = MD_KL_ESTIMATORS(MD_NAME), *const md_regularisers = MD_REGULARISERS(MD_NAME);
    static const char *const md_terms = MD_TERMS(MD_NAME), *const md_faults = MD_FAULTS(MD_NAME);
    static const char *const md_state = MD_STATE(MD_NAME), *const md_adam = MD_ADAM(MD_NAME), *const md_rates = MD_RATES(MD_NAME);
    static const char *const md_prior_constants = MD_PRIOR_CONSTANTS(MD_NAME);
    static const double md_kernel_scales[] = { MD_KERNEL_SCALES(MD_NUMBER) };
    """
    const char* md_activations
    const char* md_scale_links
    const char* md_likelihoods
    const char* md_priors
    const char* md_kl_estimators
    const char* md_regularisers
    const char* md_terms
    const char* md_faults
    const char* md_state
    const char* md_adam
    const char* md_rates
    const char* md_prior_constants
    const double* md_kernel_scales
    int c_kernel_count "KERNEL_COUNT"
    int c_linear "LINEAR", c_no_regulariser "NO_REGULARISER"
    int c_real_data "REAL_DATA", c_byte_data "BYTE_DATA", c_bit_data "BIT_DATA"
    int c_weight "WEIGHT", c_value "VALUE", c_number_count "NUMBER_COUNT", c_total_count "TOTAL_COUNT"
    int c_posterior "POSTERIOR", c_prior "PRIOR", c_prior_choice "PRIOR_CHOICE", c_shuffle "SHUFFLE"
    int c_max_layers "MAX_LAYERS", c_max_threads "MAX_THREADS", c_least_mmd_points "LEAST_MMD_POINTS", c_gpu_block "GPU_BLOCK", c_gpu_warp "GPU_WARP", c_small_row "SMALL_ROW_BYTES", c_small_layers "SMALL_LAYERS"
    int c_small_fields "SMALL_LAYER_FIELDS", c_pack "PACK"
    int c_mmd_span "GPU_MMD_SPAN"
    int c_mmd_float "GPU_MMD_ORDER_FLOAT", c_mmd_double "GPU_MMD_ORDER_DOUBLE"
    double c_mmd_width "GPU_MMD_WIDTH"
    double c_largest_float "LARGEST_GRADIENT_FLOAT", c_largest_double "LARGEST_GRADIENT_DOUBLE"
    double c_log_2pi "LOG_2PI", c_min_scale "MIN_SCALE", c_leaky_slope "LEAKY_SLOPE"


cdef names(const char* text):
    return tuple((<bytes>text).decode().split())


ACTIVATIONS, SCALE_LINKS, LIKELIHOODS = names(md_activations), names(md_scale_links), names(md_likelihoods)
PRIORS, KL_ESTIMATORS, REGULARISERS = names(md_priors), names(md_kl_estimators), names(md_regularisers)
TERMS, FAULTS = names(md_terms), names(md_faults)
STATE, ADAM, RATES, PRIOR_CONSTANTS = names(md_state), names(md_adam), names(md_rates), names(md_prior_constants)
LINEAR, NO_REGULARISER = c_linear, c_no_regulariser
REAL_DATA, BYTE_DATA, BIT_DATA = c_real_data, c_byte_data, c_bit_data
WEIGHT, VALUE, NUMBER_COUNT, TOTAL_COUNT = c_weight, c_value, c_number_count, c_total_count
POSTERIOR, PRIOR, PRIOR_CHOICE, SHUFFLE = c_posterior, c_prior, c_prior_choice, c_shuffle
MAX_LAYERS, MAX_THREADS, LEAST_MMD_POINTS = c_max_layers, c_max_threads, c_least_mmd_points
GPU_BLOCK, GPU_WARP, SMALL_ROW_BYTES, SMALL_LAYERS = c_gpu_block, c_gpu_warp, c_small_row, c_small_layers
SMALL_LAYER_FIELDS, PACK = c_small_fields, c_pack
GPU_MMD_SPAN, GPU_MMD_WIDTH = c_mmd_span, c_mmd_width
GPU_MMD_ORDER = {"float32": c_mmd_float, "float64": c_mmd_double}
LARGEST_GRADIENT = {"float32": c_largest_float, "float64": c_largest_double}
LOG_2PI, MIN_SCALE, LEAKY_SLOPE = c_log_2pi, c_min_scale, c_leaky_slope
KERNEL_SCALES = tuple([md_kernel_scales[i] for i in range(c_kernel_count)])
