"""What evaluate prints: its headings, names, errors and widths; numbers and their decimals."""

import io
import math

from minidecomp.cli import printing
from minidecomp.cli.evaluation_text import dimension_names, evaluation_lines
from minidecomp.cli.printing import aligned, plus_minus
from minidecomp.variants import METRICS


def estimate(value, error=0.01):
    return {"value": value, "error": error}


def result(batch_size=100, **more):
    test = {"log_likelihood": -2.5, "kl": 3.25, "mmd": math.nan, "kl-inc": 1.5, "points": 400, "batch_size": batch_size}
    overlap = {"posterior_entropy": estimate(1.5, 0.0), "total_correlation": estimate(0.5), "kl": estimate(3.2)}
    return {
        "test": test,
        "dimensions": {"kl": [0.1] * 6, "active": [0, 2, 3, 4]},
        "decomposition": {"overlap": overlap, "match": {"kl-inc": estimate(1.2)}, "points": 400, "samples": 2000},
        "factors": {"size": 3},
        "metrics": {
            name: {"score": 0.5, "definition": f"the definition of {name}", "samples": {"points": 400}, "seed": 7}
            for name in ("unsupervised", "hoyer")
        },
        **more,
    }


def test_the_two_headings_say_why_the_same_names_have_other_values():
    lines = evaluation_lines(result())
    batches, points = lines.index("means over batches"), lines.index("all test points (value ± standard error)")
    assert lines[batches + 1] == "  400 test points in batches of 100; nats (the MMD has no unit)"
    assert lines[points + 1] == "  400 test points together, 2000 samples; nats (the MMD has no unit)"
    why = " ".join(line.strip() for line in lines[points + 2 : lines.index("  overlap")])
    assert "the mixture of 400 encodings; above, it is that of a batch of 100" in why and "raises KL(p || q)" in why
    assert [line.split()[1:] for line in lines[batches:] if line.split()[:1] == ["KL"]] == [
        ["3.2500"],
        ["3.200", "±", "0.010"],
    ]
    assert not any("MMD   " in line for line in lines)  # NaN: there were too few points for it
    one = " ".join(evaluation_lines(result(batch_size=400)))
    assert "400 test points, one batch" in one and "from other samples, so the values differ by chance" in one


def test_the_two_total_correlations_have_names_of_their_own():
    text = "\n".join(evaluation_lines(result()))
    assert "total correlation (sampled)  0.500 ± 0.010" in text.replace("  ±", " ±")
    assert "Gaussian total correlation     0.5000  nats, 0 is best" in text and "unsupervised" not in text
    assert text.count("total correlation") == 2


def test_the_kl_of_each_dimension_is_behind_verbose_and_says_if_they_do_not_add_up():
    product, mixture = (evaluation_lines(result(), True, is_product) for is_product in (True, False))
    assert "KL of each dimension" in product and ["z6", "0.1000"] in [line.split() for line in product]
    assert "they do not add up to the KL" in " ".join(map(str.strip, mixture))
    assert "add up" not in " ".join(product) and "KL of each dimension" not in evaluation_lines(result())


def test_definitions_are_behind_verbose():
    short, long = "\n".join(evaluation_lines(result())), "\n".join(evaluation_lines(result(), verbose=True))
    assert "the definition of" not in short and "--verbose" in short
    assert "hoyer: the definition of hoyer (points 400; seed 7)" in long and "--verbose" not in long
    assert "KL(q(z) || prod_d q(z_d))" in long


def test_dimensions_count_from_z1():
    assert evaluation_lines(result())[0] == "400 test points; 4 of 6 latent dimensions active: z1, z3-z5"
    assert [dimension_names(each) for each in ([], [1], [0, 1], [0, 1, 2, 9])] == ["", "z2", "z1, z2", "z1-z3, z10"]


def test_lines_fit_a_terminal_of_60_columns(monkeypatch):
    monkeypatch.setattr(printing, "terminal_width", lambda: 60)
    scores = {name: {"score": 0.5, "definition": "long " * 40, "samples": {}, "seed": None} for name in METRICS}
    for verbose in (False, True):
        lines = evaluation_lines(result(metrics=scores, metrics_of_gaussian_quantiles=scores), verbose)
        assert max(lines, key=len) == max(lines, key=len)[:60]


def test_decimal_points_stand_below_each_other():
    lines = aligned([(-1234.56, 12.3), (0.5, None), (0.123456, 0.00012)], "±")
    assert lines == [" -1235       ± 12", "     0.5000 ", "     0.12346 ± 0.00012"]


def test_plus_minus_is_what_the_output_can_show():
    for encoding, sign in (("utf-8", "±"), ("latin-1", "±"), ("ascii", "+-")):
        assert plus_minus(io.TextIOWrapper(io.BytesIO(), encoding)) == sign


def test_errors_that_are_a_guess_are_named_once():
    """In one sentence, those of which a single sample makes over a quarter; older files do not say."""
    found = result()
    assert "guess" not in " ".join(evaluation_lines(found))
    parts = found["decomposition"]
    for name, share in (("total_correlation", 0.374), ("kl", 0.1), ("posterior_entropy", 0.9)):
        parts["overlap"][name]["largest_share"] = share  # the entropy has no error
    parts["match"]["kl-inc"]["largest_share"] = 0.26
    text = " ".join(map(str.strip, evaluation_lines(found)))
    assert "squared error: total correlation (sampled) (37 %), KL(p || q) (26 %)." in text
    assert text.count("guess") == 1 and "1 of 2000 samples" in text


def test_heavy_tails_are_said():
    found = result()
    found["decomposition"] |= {"df": 3.0, "match": {"kl-inc": estimate(1.2, math.nan) | {"largest_share": 0.9}}}
    text = " ".join(map(str.strip, evaluation_lines(found)))
    assert (
        "KL(p || q) is a guess and has no error, over batches, too: with a Student-t prior of df 3" in text
        and "squared" not in text
    )
    found["decomposition"] |= {"df": 2.0, "match": {"kl-inc": estimate(math.inf, math.nan) | {"largest_share": 0.9}}}
    lines = evaluation_lines(found)
    assert "KL(p || q) is infinite: a Student-t prior with df 2 has an infinite variance." in " ".join(lines)
    assert "of 100. KL and MMD differ by chance" in " ".join(map(str.strip, lines))
    assert "Its mean over batches is that of finitely many samples, and says nothing." in " ".join(lines)
    assert ["KL(p", "||", "q)", "inf"] in [line.split() for line in lines]
    found["decomposition"]["df"] = 9.0
    text = " ".join(evaluation_lines(found))
    assert "infinite" not in text and "A smaller mixture raises" in text


def test_importance_sampling_says_its_bias_and_what_is_a_guess():
    numbers = {"mean": -1.5, "standard_error": 0.1, "sampling_error": 0.01, "bias": 0.002, "effective_samples": 30.0}
    found = result(marginal_log_likelihood=numbers | {"dominated": 3, "samples": 50, "points": 400})
    text = " ".join(map(str.strip, evaluation_lines(found)))
    assert "sampling error 0.0100; the estimate is too low by about 0.0020; nats" in text
    assert "The sampling error and the bias are a guess: for 3 of 400 points" in text and "Errors of" not in text
    few = numbers | {"dominated": 0, "samples": 50, "points": 3}
    text = " ".join(map(str.strip, evaluation_lines(result(marginal_log_likelihood=few))))
    assert "Errors are a guess: with 3 points, ± 2 standard errors contain the true mean in 82 % of cases" in text
    assert "bias are a guess" not in text
