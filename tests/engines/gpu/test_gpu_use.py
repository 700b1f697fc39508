"""Whole data sets through the GPU engine: what is copied, bound and launched, and that the numbers stay the same."""

import threading
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from emulated import EmulatedDevice
from engine_cases import assert_agree, batch, make
from numpy.testing import assert_array_equal
from test_gpu_engine import devices, engine_on

from minidecomp.data.points import Bits
from minidecomp.engines import gpu_coder, gpu_use
from minidecomp.engines.cpu import CpuEngine
from minidecomp.engines.device import Device
from minidecomp.engines.gpu import GpuEngine
from minidecomp.engines.means import means
from minidecomp.engines.textbook import TextbookEngine
from minidecomp.evaluation import marginal
from minidecomp.model.optimizer import Adam
from minidecomp.randomness import streams

ROWS = EmulatedDevice.most_rows
HOW = {"latent_dim": 3, "hidden": (9,), "prior": "mixture", "likelihood": "bernoulli", "alpha": 1.0, "samples": 2}


class Counting:
    """How often an engine's device does each thing; a kernel of CuPy's own would be an operation on its arrays."""

    NAMES = ("array", "write", "zeros", "to_host", "bind", "product")

    def __init__(self, device, monkeypatch):
        self.counts = dict.fromkeys(self.NAMES, 0)
        for name in self.NAMES:
            monkeypatch.setattr(device, name, self._counted(name, getattr(device, name)))

    def _counted(self, name, plain):
        def call(*arguments, **more):
            self.counts[name] += 1
            return plain(*arguments, **more)

        return call

    def of(self, call):
        """The counts of one call."""
        self.counts.update(dict.fromkeys(self.NAMES, 0))
        call()
        return {name: count for name, count in self.counts.items() if count}


def points(vae, rows, kind="numbers", share=0.4):
    ones = np.random.default_rng(5).random((rows, vae.data_dim)) < share
    if kind == "bits":
        return Bits(np.packbits(ones, axis=1))
    return (255 * ones).astype(np.uint8) if kind == "bytes" else ones.astype(vae.dtype)


@pytest.mark.parametrize("rows", [5, 4 * ROWS + 1])
def test_a_data_set_goes_up_once_and_its_results_come_back_once(rows, monkeypatch):
    """The budget of each call does not depend on the number of batches, and a second call binds and makes nothing."""
    vae, objective = make(16, "float32", kl="monte-carlo", **HOW)
    engine, data, order = engine_on("emulated", vae, objective, 16), points(vae, rows, "bits"), np.arange(rows)[::-1]
    steps, z = range(-(-rows // 16)), np.random.default_rng(0).normal(size=(rows, 3)).astype("f")
    counting = Counting(engine._device, monkeypatch)
    calls = {
        "encode": lambda: engine.encode(data),
        "decode": lambda: engine.decode(z),
        "values": lambda: engine.values_by_batch(data, order, 16, 0, steps, ["mmd", "kl-inc"]),
        "log weights": lambda: [*engine.log_weights_by_batch(data, 16, 0, [[2 * i, 2 * i + 1] for i in steps])],
    }
    first = {name: counting.of(call) for name, call in calls.items()}
    again = {name: counting.of(call) for name, call in calls.items()}
    assert [counts.get("array", 0) for counts in first.values()] == [1, 0, 0, 0]  # the data
    assert again == {
        "encode": {"write": 3, "to_host": 2},
        "decode": {"write": 3, "to_host": 1},
        "values": {"write": 3, "to_host": 1},
        "log weights": {"write": 3, "to_host": 1},
    }


class Foreign(np.ndarray):
    """An array on the device whose arithmetic and assignments would launch kernels of CuPy's own."""

    def __array_ufunc__(self, *arguments, **more):
        raise AssertionError("arithmetic on the device")

    def __setitem__(self, *arguments):
        raise AssertionError("an assignment on the device")


class StrictDevice(EmulatedDevice):
    """Only copies, products and our own kernels work on its arrays."""

    def array(self, host, dtype=None):
        return super().array(host, dtype).view(Foreign)

    def zeros(self, *shape, dtype=None):
        return super().zeros(*shape, dtype=dtype).view(Foreign)

    def write(self, array, source):
        super().write(array.view(np.ndarray), source)

    def to_host(self, array):
        return super().to_host(array).view(np.ndarray)

    def product(self, *arrays, **how):
        return super().product(*(each.view(np.ndarray) for each in arrays), **how)


def test_nothing_but_our_kernels_is_launched():
    vae, objective = make(16, "float32", kl="monte-carlo", **HOW)
    strict, plain = (
        GpuEngine(vae, objective, max_rows=16, device=kind(vae.dtype)) for kind in (StrictDevice, EmulatedDevice)
    )
    for engine in (strict, plain):
        data, found = points(vae, 70, "bits"), []
        found += [*engine.encode(data), engine.decode(np.ones((70, 3)))]
        found += engine.log_weights_by_batch(data, 16, 0, [[i] for i in range(5)])
        found.append(engine.values_by_batch(data, np.arange(70), 16, 0, range(5), ["mmd", "kl-inc"]))
        if engine is strict:
            expected = found
    for got, wanted in zip(found, expected, strict=True):
        assert_array_equal(got, wanted)


def test_a_whole_evaluation_reads_each_result_once(monkeypatch):
    vae, objective = make(16, "float32", kl="monte-carlo", **HOW)
    engine, data = engine_on("emulated", vae, objective, 16), points(vae, 99)
    counting = Counting(engine._device, monkeypatch)
    names = ("mmd", "kl-inc")
    counts = counting.of(lambda: means(engine, data, 16, 3, names, streams.EVALUATION, streams.TEST_ORDER))
    assert (counts["array"], counts["to_host"]) == (1, 1)
    assert counting.of(lambda: engine.encode(data))["to_host"] == 2 and counting.counts["array"] == 0
    got, expected = (
        means(each, data, 16, 3, names, streams.EVALUATION, streams.TEST_ORDER)
        for each in (engine, CpuEngine(vae, objective, max_rows=16))
    )
    assert got == pytest.approx(expected, rel=1e-4)


def test_the_marginal_log_likelihood_reads_its_weights_once(monkeypatch):
    vae, _ = make(8, "float32", **HOW)
    data, made = points(vae, 70), []

    def on_emulated(name, vae, objective, *, max_rows, threads):
        made.append(engine_on("emulated", vae, objective, max_rows))
        return made[-1]

    expected = marginal.marginal_log_likelihood(vae, data, 60)
    monkeypatch.setattr(marginal, "make", on_emulated)
    reads, plain = [], EmulatedDevice.to_host
    monkeypatch.setattr(EmulatedDevice, "to_host", lambda self, array: reads.append(1) or plain(self, array))
    assert marginal.marginal_log_likelihood(vae, data, 60).as_dict() == pytest.approx(expected.as_dict(), rel=1e-3)
    assert len(made) == len(reads) == 1


def test_training_data_are_there_already(monkeypatch):
    """In either order: each data set is uploaded once."""
    vae, objective = make(16, "float32", kl="monte-carlo", **HOW)
    engine, data = engine_on("emulated", vae, objective, 16), points(vae, 40, "bits", 0.05)
    adam, uploaded, plain = Adam.for_vector(vae.parameters.vector), [], EmulatedDevice.array

    def array(self, host, dtype=None):
        uploaded.extend([1] if dtype == np.uint8 else [])
        return plain(self, host, dtype)

    monkeypatch.setattr(EmulatedDevice, "array", array)
    engine.encode(data)
    engine.train(data, np.arange(40), 16, adam, 0, np.zeros(4))
    assert len(uploaded) == 1 and engine._kept.points is engine._use.points
    other = points(vae, 30, "bits")
    engine.encode(other)
    engine.values_by_batch(data, np.arange(40), 16, 0, range(3), ["mmd"])
    engine.values(data[:7], 0, 0)
    engine.encode(data)
    assert len(uploaded) == 3  # the other data, and the seven
    assert engine._use.points is engine._kept.points


@pytest.mark.parametrize("kind", ["numbers", "bytes", "bits"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_codes_do_not_depend_on_the_cut(kind, dtype, monkeypatch):
    """Nor on the training batch, on the form of the data, or on how much of them is on the device at once."""
    vae, objective = make(16, dtype, **HOW)
    data = points(vae, 3 * ROWS + 7, kind, 0.05)
    engine, found = engine_on("emulated", vae, objective, 5), []
    whole, textbook = engine.encode(data), TextbookEngine(vae, objective).encode(data)
    cpu = CpuEngine(vae, objective, max_rows=50).encode(data)
    for got, *expected in zip(whole, textbook, cpu, strict=True):
        assert got.dtype == dtype and got.shape == (len(data), 3)
        for each in expected:
            assert_agree(got, each, 1e-4 if dtype == "float32" else 1e-10)
    # Batch by batch, from an engine for larger batches, as numbers, and in parts.
    cuts = range(0, len(data), ROWS)
    found.append([np.concatenate(each) for each in zip(*(engine.encode(data[i:][:ROWS]) for i in cuts), strict=True)])
    found.append(engine_on("emulated", vae, objective, 2 * ROWS).encode(data))
    if kind != "bytes":
        found.append(engine.encode(points(vae, len(data), "numbers", 0.05)))
    monkeypatch.setattr(gpu_use, "PART_BYTES", 1000)
    found.append(engine_on("emulated", vae, objective, 5).encode(data))
    for each in found:
        assert_array_equal(np.stack(each), np.stack(whole))
    # A single point, at the same place in its batch.
    assert_array_equal(np.stack(engine.encode(data[ROWS : ROWS + 1]))[:, 0], np.stack(whole)[:, ROWS])


@devices
def test_a_code_does_not_depend_on_those_after_it(device):
    """To the bit, nor on the training batch."""
    vae, objective = make(16, "float32", **HOW)
    data, z = points(vae, 100, "bits"), np.random.default_rng(0).normal(size=(100, 3)).astype("f")
    engine, other = (engine_on(device, vae, objective, rows) for rows in (5, 90))
    assert_array_equal(np.stack(engine.encode(data))[:, :7], np.stack(other.encode(data[:7])))
    assert_array_equal(engine.decode(z)[:7], other.decode(z[:7]))


def test_decoding_does_not_depend_on_the_cut(monkeypatch):
    vae, objective = make(16, "float32", **HOW)
    z = np.random.default_rng(0).normal(size=(3 * ROWS + 7, 3))
    engine, textbook = engine_on("emulated", vae, objective, 5), TextbookEngine(vae, objective)
    whole = engine.decode(z)
    assert_agree(whole, textbook.decode(z.astype("f")), 1e-5)
    assert_array_equal(np.concatenate([engine.decode(z[i : i + ROWS]) for i in range(0, len(z), ROWS)]), whole)
    monkeypatch.setattr(gpu_use, "PART_BYTES", 2 * 16 * 4 * ROWS)
    engine = engine_on("emulated", vae, objective, 5)
    assert_array_equal(engine.decode(z), whole)
    assert max(room.nbytes for room in engine._use._rooms.values()) == gpu_use.PART_BYTES
    assert engine.decode(z[:0]).shape == (0, 16)
    for wrong in (z[:, :2], z[0]):
        with pytest.raises(ValueError, match="z has shape"):
            engine.decode(wrong)


def test_data_too_large_for_the_device_go_there_in_parts(monkeypatch):
    """The terms and log weights are the same to the bit; data that were trained on stay as they are."""
    vae, objective = make(16, "float32", kl="monte-carlo", **HOW)
    data, order = points(vae, 48, "bytes"), np.random.default_rng(0).permutation(48)
    steps = [[3 * i, 3 * i + 1] for i in range(5)]

    def everything(engine):
        values = engine.values_by_batch(data, order, 10, 1, range(5), ["mmd", "kl-inc"])
        return values, np.concatenate([each.ravel() for each in engine.log_weights_by_batch(data, 10, 1, steps)])

    expected = everything(engine_on("emulated", vae, objective, 10))
    for part in (1, 16 * 25):
        monkeypatch.setattr(gpu_use, "PART_BYTES", part)
        got = everything(engine_on("emulated", vae, objective, 10))
        assert got[0] == expected[0]
        assert_array_equal(got[1], expected[1])
    engine = engine_on("emulated", vae, objective, 10)
    engine.train(data, np.arange(48), 10, Adam.for_vector(vae.parameters.vector, 0.0), 0, np.zeros(4))
    uploads, plain = [], gpu_use.upload
    monkeypatch.setattr(gpu_use, "upload", lambda *given: uploads.append(1) or plain(*given))
    engine.encode(data)
    everything(engine)
    assert uploads == []


def test_changed_parameters_change_the_codes():
    """After push, and after train, which are calls that bind nothing here anew."""
    vae, objective = make(16, "float64", **HOW)
    engine, data = engine_on("emulated", vae, objective, 16), points(vae, 40)
    adam, z = Adam.for_vector(vae.parameters.vector, 0.1), np.ones((4, 3))

    def agree():
        textbook = TextbookEngine(vae, objective)
        for got, expected in zip(engine.encode(data), textbook.encode(data), strict=True):
            assert_agree(got, expected, 1e-10)
        assert_agree(engine.decode(z), textbook.decode(z), 1e-10)
        assert_agree(engine.values(data[:16], 1, 2)["kl"], textbook.values(data[:16], 1, 2)["kl"], 1e-10)

    agree()
    vae.parameters.vector *= 0.5
    engine.push()
    agree()
    for _ in range(2):
        engine.train(data, np.arange(40), 16, adam, 0, np.zeros(4))
        engine.pull()
        agree()


def test_evaluating_between_steps_leaves_the_training_as_it_is():
    vectors = []
    for used in (False, True):
        vae, objective = make(16, "float32", **HOW)
        engine, data = engine_on("emulated", vae, objective, 16), points(vae, 40)
        adam, totals = Adam.for_vector(vae.parameters.vector), np.zeros(4)
        for first in (0, 16):
            engine.train(data, np.arange(first, 40), 16, adam, 0, totals)
            if used:
                engine.values_by_batch(data, np.arange(40)[::-1], 16, 9, range(3), ["kl-inc"])
                engine.encode(points(vae, 10))
        engine.pull()
        vectors.append(np.concatenate([vae.parameters.vector, totals]))
    assert_array_equal(*vectors)


def test_an_engine_works_on_when_its_first_thread_has_ended():
    vae, objective = make(16, "float32", **HOW)
    made, data = [], points(vae, 40)

    def begin():
        engine = engine_on("emulated", vae, objective, 16)
        made.extend([engine, engine.encode(data)[0], engine.values(data[:16], 0, 0)])

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    engine, loc, values = made
    assert_array_equal(engine.encode(data)[0], loc)
    assert engine.values(data[:16], 0, 0) == values


@pytest.mark.parametrize(("widths", "rows"), [((4096, 1200, 1200), 2048), ((2, 100), 16384), ((10**8, 3), 1)])
def test_the_rows_at_once_follow_from_the_widths(widths, rows):
    """A stated number of bytes for dSprites, all rows for the pinwheel, and one row where nothing else fits."""
    device = SimpleNamespace(most_rows=Device.most_rows, dtype=np.dtype("f"))
    shapes = zip(widths, (*widths[1:], 20), strict=True)
    layers = [SimpleNamespace(W=np.broadcast_to(np.float32(0), shape)) for shape in shapes]
    assert gpu_coder.rows_at_once(layers, 31, device) == rows
    assert rows == 1 or 4 * rows * (sum(widths) + 51) <= gpu_coder.BATCH_BYTES


def test_no_room_for_more_points_than_a_batch():
    vae, objective = make(16, kl="monte-carlo", **HOW)
    engine, data = engine_on("emulated", vae, objective, 5), batch(vae, 9)
    with pytest.raises(ValueError, match="6 rows, room for 5"):
        engine.values_by_batch(data, np.arange(9), 6, 0, [0, 1], ["mmd"])
    with pytest.raises(ValueError, match="6 rows, room for 5"):
        next(engine.log_weights_by_batch(data, 6, 0, [[0], [1]]))
    with pytest.raises(ValueError, match="1 steps, 2 batches"):
        engine.values_by_batch(data, np.arange(9), 5, 0, [0], ["mmd"])
    with pytest.raises(ValueError, match="no rows"):
        engine.values_by_batch(data, np.arange(0), 5, 0, [], ["mmd"])


class Launches(EmulatedDevice):
    """Counts the launches of each kernel."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.launched = Counter()

    def _bind(self, name, *arguments, **more):
        launch = super()._bind(name, *arguments, **more)
        return replace(launch, run=lambda: self.launched.update([name]) or launch.run())


@pytest.mark.parametrize("how", [{"kl": "monte-carlo"}, {"prior": "gaussian", "learn_prior_variance": True}])
def test_a_batch_is_encoded_and_decoded_once_for_all_regularisers(how):
    vae, objective = make(8, "float32", **(HOW | how))
    data, steps = points(vae, 21, "numbers"), range(5)
    values = {}
    for names in (["mmd", "kl-inc"], ["mmd"], ["kl-inc"]):
        device = Launches(vae.dtype)
        engine = GpuEngine(vae, objective, max_rows=5, device=device)
        values[tuple(names)] = engine.values_by_batch(data, np.arange(21), 5, 0, steps, names)
        # The last batch of one has no MMD, and its KL needs a sample of the prior.
        assert device.launched["sample_posterior"] == device.launched["likelihood"] == 5
    for i, found in enumerate(values["mmd", "kl-inc"]):
        for name, terms in found.items():
            assert terms == values[name,][i][name]
