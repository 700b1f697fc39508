"""checkpoint.npz: hostile but valid arrays are refused in one line, or the run is used as it stands."""

import io
import zipfile

import numpy as np
import pytest
from hostile import budgets, command, hostile_array, hostile_toml, one_line_or_success, one_of

from minidecomp import training
from minidecomp.data import dataset_from
from minidecomp.runs import checkpoint


def hostile_member(rng, good):
    """The bytes of an .npy file with a false header, none, or none of its data."""
    buffer = io.BytesIO()
    np.save(buffer, good)
    whole = buffer.getvalue()
    return one_of(
        rng,
        (
            *(
                b"",
                whole[:10],
                whole[:-1],
                whole + b"\0",
                b"\x93NUMPY\x03\x00" + whole[8:],
                whole[:8] + b"\xff\xff" + whole[10:],
            ),
            *(
                whole.replace(b"(", b"(5000000000, ", 1),
                whole.replace(b"'<f", b"'|O", 1),
                whole.replace(b"{", b"[" * 3, 1),
            ),
            *(whole.replace(b"shape", b"shade"), whole.replace(b"'<", b"'>", 1), whole.replace(b"False", b"1e999")),
        ),
    )


def write_hostile(rng, path, good):
    """Write a checkpoint of which one or two arrays are others, and say which."""
    arrays, raw, changes = dict(good), {}, []
    for _ in range(rng.integers(1, 3)):
        name = one_of(rng, list(good))
        kind = rng.random()
        changes.append((name, round(kind, 3)))
        if kind < 0.05:
            arrays.pop(name, None)
        elif kind < 0.2:
            raw[f"{name}.npy"] = hostile_member(rng, good[name])
            arrays.pop(name, None)
        elif kind < 0.25:
            raw[name] = b"raw"
            arrays.pop(name, None)
        elif name == "config":
            lines = str(good["config"]).splitlines()
            text = hostile_toml(rng, lines).decode("utf-8", "replace").replace("\0", "")
            arrays["config"] = np.array(text)
        else:
            arrays[name] = hostile_array(rng, good[name])
    np.savez(path, **{name: array for name, array in arrays.items() if f"{name}.npy" not in raw})
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in raw.items():
            archive.writestr(name, content)
    return changes


@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value", "ignore:divide by zero")
@budgets
def test_a_checkpoint(seed, times, a_run, capsys):
    rng, path = np.random.default_rng(seed), a_run / "checkpoint.npz"
    with np.load(path) as file:
        good = dict(file)
    taken = 0
    for number in range(60 * times):
        changes = write_hostile(rng, path, good)
        one_line_or_success(lambda: checkpoint.identity(a_run), changes)
        checkpoint.epoch_of(a_run)
        found = []
        if one_line_or_success(lambda found=found: found.append(checkpoint.load(a_run)), changes):
            taken += 1
            run = found[0]

            def go_on(run=run):
                options = run.options.replace(epochs=run.state.epoch + 1, threads=1, engine="cpu")
                trainer = training.resume(run, options, dataset_from(options))
                trainer.folder = None
                training.train(trainer)

            if run.options.data == "pinwheel" and run.options.points_per_arm <= 100:
                one_line_or_success(go_on, changes)
        word = one_of(rng, ("evaluate --metrics none", "table", "report", "plot", "sample")[: 2 if times == 1 else 5])
        if number % 5 == 0:
            name, *more = word.split()
            command(capsys, (changes, word), name, str(a_run), *more)
    assert taken
