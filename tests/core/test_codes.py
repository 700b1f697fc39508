"""codes.h is the only home of what compiled code and Python share."""

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest

import minidecomp
from minidecomp import _core
from minidecomp._core import codes, engine_float32, engine_float64
from minidecomp.engines.device import source
from minidecomp.terms import likelihoods, priors

PACKAGE, CORE = Path(minidecomp.__file__).parent, Path(_core.__file__).parent
HEADER = (CORE / "codes.h").read_text("utf-8")
ORDERS = {
    "ACTIVATIONS": codes.ACTIVATIONS,
    "SCALE_LINKS": codes.SCALE_LINKS,
    "LIKELIHOODS": codes.LIKELIHOODS,
    "PRIORS": codes.PRIORS,
    "KL_ESTIMATORS": codes.KL_ESTIMATORS,
    "REGULARISERS": codes.REGULARISERS,
    "TERMS": codes.TERMS,
    "STATE": codes.STATE,
    "ADAM": codes.ADAM,
    "RATES": codes.RATES,
    "PRIOR_CONSTANTS": codes.PRIOR_CONSTANTS,
}


def without_comments(text):
    """C's and Cython's comments and docstrings left out."""
    return re.sub(
        r'/\*.*?\*/|""".*?"""|#(?!\s*(include|define|if|else|endif)).*?$', "", text, flags=re.DOTALL | re.MULTILINE
    )


def listed(order):
    """The codes and names of an order as the header has them."""
    body = re.search(rf"#define MD_{order}\(X\)((?:.*\\\n)*.*)", HEADER)[1]
    return re.findall(r'X\((\w+), "([\w-]+)"\)', body)


def compiled():
    """The core's source files but for the header itself, and codes.pyx, which hands it on."""
    files = [path for end in ("*.h", "*.pxi", "*.pyx", "*.pxd", "*.cu", "gpu/*.cuh") for path in CORE.glob(end)]
    return {path.name: without_comments(path.read_text("utf-8")) for path in files if path.stem != "codes"}


@pytest.mark.parametrize("order", ORDERS)
def test_the_compiled_names_are_the_header_s(order):
    assert tuple(name for _, name in listed(order)) == ORDERS[order]


def test_the_compiled_numbers_are_the_header_s():
    for name in ("MAX_LAYERS", "MAX_THREADS", "LEAST_MMD_POINTS", "GPU_BLOCK", "LOG_2PI", "MIN_SCALE", "LEAKY_SLOPE"):
        assert getattr(codes, name) == float(re.search(rf"#define {name} (\S+)", HEADER)[1]), name
    for real, dtype in (("FLOAT", "float32"), ("DOUBLE", "float64")):
        assert codes.LARGEST_GRADIENT[dtype] == float(re.search(rf"LARGEST_GRADIENT_{real} (\S+)", HEADER)[1])
        assert codes.LARGEST_GRADIENT[dtype] ** 2 < np.finfo(dtype).max
    for name, purpose in re.findall(r"(\w+) = (\d+)", re.search(r"enum \{ (POSTERIOR.*?) \};", HEADER)[1]):
        assert getattr(codes, name) == int(purpose)
    assert math.log(2 * math.pi) == codes.LOG_2PI
    assert (*codes.TERMS, "gradient") == codes.FAULTS


@pytest.mark.parametrize("core", [engine_float32, engine_float64], ids=["float32", "float64"])
def test_the_engines_have_as_many(core):
    """A code beyond the last is refused in words that name the last."""
    how = {"learn_prior_variance": False, "prior_variance_scale": 1.0, "log_prior_multiplier": 1.0, "beta": 1.0}
    how |= {"alpha": 0.0, "samples": 1, "max_rows": 2, "threads": 1, "likelihood_scale": 1.0, "prior": {}}
    how |= {
        "encoder_activation": 0,
        "decoder_activation": 0,
        "scale_link": 0,
        "likelihood": 0,
        "kl": 0,
        "regulariser": 0,
    }
    counts = {"encoder_activation": len(codes.ACTIVATIONS), "decoder_activation": len(codes.ACTIVATIONS)}
    counts |= {"scale_link": len(codes.SCALE_LINKS), "likelihood": len(codes.LIKELIHOODS)}
    counts |= {"kl": len(codes.KL_ESTIMATORS), "regulariser": codes.NO_REGULARISER + 1}
    vector = np.zeros(9, core.DTYPE)
    for name, count in counts.items():
        widths = ((4, 2), (1, 8 if (name, count) == ("likelihood", codes.LIKELIHOODS.index("gaussian")) else 4))
        with pytest.raises(ValueError, match=f"{name} {count} is not in 0 .. {count - 1}"):
            core.Engine(vector, *widths, **(how | {name: count}))
    deep = (4, *[1] * (codes.MAX_LAYERS - 1), 2)
    with pytest.raises(ValueError, match=f"2 to {codes.MAX_LAYERS} of at least 1"):
        core.Engine(vector, deep, (1, 4), **how)
    assert core.Pool(codes.MAX_THREADS + 1).threads == codes.MAX_THREADS


def test_the_kernels_text_has_the_header_whole():
    text = source()
    assert text.count(HEADER) == 1
    assert set(re.findall(r'#include "(\S+)"', text)) == {"simd.h"}  # for the CPU alone
    assert '#include "codes.h"' in compiled()["formulas.h"] and '#include "formulas.h"' in compiled()["common.cuh"]


def test_the_textbook_s_classes_have_these_names():
    known = (priors.Gaussian, priors.StudentT, priors.Mixture, priors.Sparse)
    assert tuple(prior.name for prior in known) == codes.PRIORS
    known = (likelihoods.Bernoulli, likelihoods.Gaussian, likelihoods.Laplace)
    assert tuple(likelihood.name for likelihood in known) == codes.LIKELIHOODS


# ---- nothing is written a second time ----


def test_no_compiled_text_numbers_a_code_again():
    """Only codes.h gives a code its number: elsewhere its name is in no enum, no macro and no assignment."""
    names = {code for order in (*ORDERS, "FAULTS") for code, _ in listed(order)}
    names |= set(re.findall(r"\b[A-Z][A-Z_0-9]{2,}\b", " ".join(re.findall(r"enum \{(.*?)\}", HEADER, re.DOTALL))))
    names |= set(re.findall(r"#define ([A-Z_0-9]+) ", HEADER))
    names = {name for name in names if not name.startswith("MD_")}
    assert len(names) > 60
    for file, text in compiled().items():
        if file == "formulas.pxi":
            taken = re.search(r'cdef extern from "codes.h" nogil:\n(.*?)\n\n', text, re.DOTALL)[1]
            assert "=" not in taken and set(re.findall(r"[A-Z][A-Z_0-9]+", taken)) <= names
            text = text.replace(taken, "")
        numbered = re.findall(
            r"enum\s*\{(.*?)\}|cdef enum:\n((?:    [^\n]*\n)+)|#define (\w+)|DEF (\w+)", text, re.DOTALL
        )
        words = set(re.findall(r"\w+", " ".join(part for each in numbered for part in each)))
        assert not words & names, (file, words & names)
    assert not any("enum" in text for file, text in compiled().items() if file.endswith((".cu", ".cuh")))


def test_no_compiled_text_writes_a_constant_again():
    """The polynomial of the MMD's kernel apart, which the next test derives."""
    numbers = ("1e18", "1e150", "1e50", "1.83787", "1e-6", r"0\.2\b", r"0\.4\b", r"\b256\b")
    for file, text in compiled().items():
        if file in ("gemm.h", "gemm_wide.h", "simd.h", "sprites.pyx"):
            continue  # block sizes, coefficients and pixels
        text = re.sub(r"MD_INLINE real md_mmd_kernel\(.*?\n}", "", text, flags=re.DOTALL)
        for number in numbers:
            assert not re.search(number, text), (file, number)


def test_the_kernel_s_polynomial_is_that_of_the_scales():
    """P / Q = sum_c c / (c + s) with Q = prod_c (c + s), the coefficients from the highest power on."""
    scales = np.array(codes.KERNEL_SCALES)
    q = np.poly(-scales)
    p = sum(c * np.poly(-np.delete(scales, i)) for i, c in enumerate(scales))
    body = re.search(r"MD_INLINE real md_mmd_kernel\(.*?\n}", (CORE / "formulas.h").read_text("utf-8"), re.DOTALL)[0]
    for name, expected in (("q", q[1:]), ("p", p), ("dq", np.polyder(q)), ("dp", np.polyder(p))):
        written = re.search(rf"real {name} = (.*?);", body)[1]
        got = [float(number) for number in re.findall(r"\(real\)([\d.]+)", written)]
        np.testing.assert_allclose(got, expected, rtol=1e-14, err_msg=name)


def test_no_python_restates_an_order():
    orders = set(ORDERS.values()) | {codes.FAULTS}
    for path in sorted(PACKAGE.glob("**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Tuple | ast.List) and all(isinstance(each, ast.Constant) for each in node.elts):
                assert tuple(each.value for each in node.elts) not in orders, f"{path.name}:{node.lineno}"


def test_no_python_restates_a_constant():
    numbers = {*codes.LARGEST_GRADIENT.values(), codes.MIN_SCALE, codes.LEAKY_SLOPE, codes.LOG_2PI, codes.GPU_BLOCK}
    folders = ("engines", "terms", "model", "randomness", "export")
    for path in [*(path for folder in folders for path in PACKAGE.glob(f"{folder}/**/*.py")), PACKAGE / "objective.py"]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not (
                isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value in numbers
            ), f"{path.name}:{node.lineno}"
