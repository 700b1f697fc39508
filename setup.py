"""Maps the source folders to packages and compiles the numerical core; everything else is in pyproject.toml."""

import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

# -ffast-math stays out: it changes denormals for the whole process and the rounding trick of exp in simd.h.
flags = [] if sys.platform == "win32" else ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math", "-pthread"]
link_flags = [] if sys.platform == "win32" else ["-pthread"]
if sys.platform == "linux" and not os.environ.get("MINIDECOMP_FLAGS"):
    # Symbols that nobody looks at and tables for exceptions that C does not have are 6 % of the wheel.
    flags += ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]
    link_flags.append("-Wl,-s")
# For the compiler and the linker, as tests/core/test_sanitizers.py needs them.
more_flags = os.environ.get("MINIDECOMP_FLAGS", "").split()
flags, link_flags = flags + more_flags, link_flags + more_flags
# The two engines take nearly all of the time, and the same: one core each.
workers = min(2, os.cpu_count() or 1)
# Cython's own code for memoryviews: as a module, it is compiled once and not for each engine.
SHARED = "_memoryviews"


def engine(name: str, real: str) -> Extension:
    """One compiled engine; the two differ in the type `real` alone."""
    macros = [("MINIDECOMP_REAL", real), (f"MINIDECOMP_{real.upper()}", "1")]
    if os.environ.get("MINIDECOMP_NO_CLONES"):
        macros.append(("MINIDECOMP_NO_CLONES", "1"))
    return Extension(
        f"minidecomp._core.{name}",
        [f"_core/{name}.pyx"],
        include_dirs=["_core"],
        define_macros=macros,
        extra_compile_args=flags,
        extra_link_args=link_flags,
    )


def plain(name: str, suffix: str = ".pyx") -> Extension:
    """A compiled module that has no type `real`; Cython writes the one that has the suffix .c."""
    return Extension(
        f"minidecomp._core.{name}",
        [f"_core/{name}{suffix}"],
        include_dirs=["_core"],
        extra_compile_args=flags,
        extra_link_args=link_flags,
    )


setup(
    packages=[
        "minidecomp",
        "minidecomp.terms",
        "minidecomp.terms.priors",
        "minidecomp.terms.likelihoods",
        "minidecomp.terms.regularisers",
        "minidecomp.settings",
        "minidecomp.randomness",
        "minidecomp.data",
        "minidecomp.model",
        "minidecomp.engines",
        "minidecomp.runs",
        "minidecomp.estimator",
        "minidecomp.evaluation",
        "minidecomp.evaluation.metrics",
        "minidecomp.inspection",
        "minidecomp.export",
        "minidecomp.loggers",
        "minidecomp.figures",
        "minidecomp.sweeps",
        "minidecomp.page",
        "minidecomp.report",
        "minidecomp.playground",
        "minidecomp.reproduction",
        "minidecomp._core",
        "minidecomp.cli",
    ],
    options={"build_ext": {"parallel": workers}},
    package_dir={"minidecomp": "minidecomp", "minidecomp._core": "_core", "minidecomp.cli": "cli"},
    package_data={
        "minidecomp": ["py.typed"],
        "minidecomp.page": ["*.js", "engine/*.js", "engine/*/*.js"],
        "minidecomp.report": ["*.html", "*.css", "*.js"],
        "minidecomp.playground": ["*.html", "*.css", "*.js", "*.json"],
        "minidecomp._core": ["kernels.cu", "gpu/*.cuh", "formulas.h", "codes.h", "*.pyi"],
    },
    include_package_data=False,
    ext_modules=cythonize(
        [
            engine("engine_float32", "float"),
            engine("engine_float64", "double"),
            plain("codes"),
            plain("sprites"),
            plain("popcount"),
            plain(SHARED, ".c"),
        ],
        shared_utility_qualified_name=f"minidecomp._core.{SHARED}",
        include_path=["_core"],
        language_level=3,
        nthreads=workers,
    ),
)
