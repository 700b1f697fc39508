# What codes.pyx gives. A name's place in a tuple of names is its code.

ACTIVATIONS: tuple[str, ...]
SCALE_LINKS: tuple[str, ...]
LIKELIHOODS: tuple[str, ...]
PRIORS: tuple[str, ...]
KL_ESTIMATORS: tuple[str, ...]
REGULARISERS: tuple[str, ...]
TERMS: tuple[str, ...]
FAULTS: tuple[str, ...]

# The GPU engine's small arrays: names by their places, and where a part of `numbers` begins.
STATE: tuple[str, ...]
ADAM: tuple[str, ...]
RATES: tuple[str, ...]
PRIOR_CONSTANTS: tuple[str, ...]
WEIGHT: int
VALUE: int
NUMBER_COUNT: int
TOTAL_COUNT: int
GPU_BLOCK: int
GPU_WARP: int
SMALL_ROW_BYTES: int
SMALL_LAYERS: int
SMALL_LAYER_FIELDS: int
PACK: int

# Cells of the GPU's MMD: their width, largest number, and coefficients by the dtype's name.
GPU_MMD_WIDTH: float
GPU_MMD_SPAN: int
GPU_MMD_ORDER: dict[str, int]

LINEAR: int
NO_REGULARISER: int
REAL_DATA: int
BYTE_DATA: int
BIT_DATA: int

# Purposes of the random numbers that the core draws.
POSTERIOR: int
PRIOR: int
PRIOR_CHOICE: int
SHUFFLE: int

MAX_LAYERS: int
MAX_THREADS: int
LEAST_MMD_POINTS: int
LARGEST_GRADIENT: dict[str, float]  # by the dtype's name

LOG_2PI: float
MIN_SCALE: float
LEAKY_SLOPE: float
KERNEL_SCALES: tuple[float, ...]
