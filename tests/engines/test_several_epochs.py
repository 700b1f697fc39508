"""Several epochs in one call of an engine: the bits of one call for each, and a fault in one of them."""

import itertools

import numpy as np
import pytest
from devices import KINDS, make_device
from engine_cases import batch, make
from numpy.testing import assert_array_equal

from minidecomp.engines import gpu, rules
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.gpu import GpuEngine
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.model.optimizer import Adam

POINTS, BATCH = 13, 4  # the last batch, of one point, is too small for the MMD

engines = pytest.mark.parametrize("kind", ["textbook", "cpu", *KINDS])


def engine_of(kind, vae, objective):
    if kind == "textbook":
        return TextbookEngine(vae, objective)
    if kind == "cpu":
        return CpuEngine(vae, objective, max_rows=BATCH, threads=2)
    return GpuEngine(vae, objective, max_rows=BATCH, device=make_device(kind, vae.dtype))


def an_engine(kind, **more):
    vae, objective = make(3, "float32", **{"latent_dim": 2, "hidden": (5,), "alpha": 1.0, "prior": "mixture"} | more)
    return engine_of(kind, vae, objective), Adam.for_vector(vae.parameters.vector, 0.01), batch(vae, POINTS)


def everything(engine, adam, totals):
    engine.pull()
    return np.concatenate([engine.vae.parameters.vector, adam.m, adam.v, adam.v_max, totals.ravel(), [adam.step]])


@engines
@pytest.mark.parametrize("regulariser", ["mmd", "kl-inc"])
@pytest.mark.parametrize("at_once", [gpu.EPOCHS_AT_ONCE, 2])
def test_the_bits_of_one_call_for_each(kind, regulariser, at_once, monkeypatch):
    monkeypatch.setattr(gpu, "EPOCHS_AT_ONCE", at_once)
    ends = []
    for calls in ([0, 1, 2, 3, 4, 5], [0, 1, 5], [0, 5]):
        engine, adam, data = an_engine(kind, regulariser=regulariser)
        totals = np.arange(20.0).reshape(5, 4)  # which are added to
        for first, last in itertools.pairwise(calls):
            orders = engine.permutations(POINTS, 7, 2**40 + first, last - first)
            if last - first == 1:
                fault = engine.train(data, orders[0], BATCH, adam, 3, totals[first])
            else:
                fault = engine.train(data, orders, BATCH, adam, 3, totals[first:last])
            assert fault is None
        used = 12 if regulariser == "mmd" else 13
        assert_array_equal(totals[:, 3], np.arange(5) * 4 + 3 + used)
        assert adam.step == 5 * rules.steps(POINTS, BATCH, regulariser)
        ends.append(everything(engine, adam, totals))
    assert_array_equal(ends[0], ends[1])
    assert_array_equal(ends[0], ends[2])


@engines
@pytest.mark.parametrize("epoch", [0, 2])
def test_the_steps_tell_the_epoch_of_a_fault(kind, epoch):
    """Earlier epochs have complete totals, later ones none."""
    engine, adam, data = an_engine(kind, regulariser="mmd")
    data[12] = np.nan
    orders, totals = np.tile(np.arange(POINTS), (4, 1)), np.zeros((4, 4))  # which leave the last row out
    orders[epoch, 5] = 12
    assert engine.train(data, orders, BATCH, adam, 3, totals) is not None
    steps = rules.steps(POINTS, BATCH, "mmd")
    assert steps == 3 and adam.step == epoch * steps + 1 and adam.step // steps == epoch
    assert totals[:, 3].tolist() == [12] * epoch + [4] + [0] * (3 - epoch)
    assert np.isfinite(totals).all() and np.isfinite(everything(engine, adam, totals)).all()


@engines
def test_the_orders_are_those_of_the_epochs(kind):
    engine, *_ = an_engine(kind)
    host = getattr(engine, "_device", None)
    orders = engine.permutations(50, 2**64 - 1, 2**59, 3)
    singles = [engine.permutation(50, 2**64 - 1, 2**59 + epoch) for epoch in range(3)]
    if host is not None:
        orders, singles = host.to_host(orders), [host.to_host(each) for each in singles]
    assert orders.dtype == np.int64
    assert_array_equal(orders, np.stack(singles))
    assert len({tuple(order) for order in orders.tolist()}) == 3
