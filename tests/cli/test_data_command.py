import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from minidecomp.data import fashion_mnist, folders
from minidecomp.errors import DataError, Fault
from minidecomp.variants import DATA_SETS

try:
    from minidecomp.cli.data import data
except ModuleNotFoundError:  # the checkout, not installed
    from cli.data import data


def invoke(*arguments):
    return CliRunner().invoke(data, arguments)


@pytest.fixture(autouse=True)
def empty_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "SYSTEM_FOLDERS", (tmp_path / "system",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIDECOMP_DATA", raising=False)


def put_files(folder):
    folder.mkdir(parents=True)
    for name in fashion_mnist.FILES:
        (folder / name).write_bytes(b"")


def test_list(tmp_path):
    result = invoke("list")
    assert result.exit_code == 0
    heading, pinwheel, dsprites, fashion = result.stdout.splitlines()
    assert heading.split() == ["name", "train", "test", "numbers", "where"]
    assert pinwheel.split()[:4] == ["pinwheel", "400", "400", "2"]
    assert dsprites.split()[:4] == ["dsprites", "737280", "10000", "4096"]
    assert dsprites.endswith("  drawn when it is loaded")
    assert fashion.split()[:4] == ["fashion-mnist", "60000", "10000", "784"]
    assert "not found: apt install" in fashion

    put_files(tmp_path / "system")
    assert invoke("list").stdout.splitlines()[3].endswith(f"  {tmp_path / 'system'}")


def test_list_as_json(tmp_path):
    pinwheel, _, fashion = json.loads(invoke("list", "--json").stdout)
    assert (pinwheel["name"], pinwheel["ready"]) == ("pinwheel", True)
    assert (fashion["name"], fashion["ready"]) == ("fashion-mnist", False)
    assert fashion["where"] == fashion_mnist.HOW_TO_GET

    put_files(tmp_path / "system")
    fashion = json.loads(invoke("list", "--json").stdout)[2]
    assert (fashion["ready"], fashion["where"]) == (True, str(tmp_path / "system"))
    assert (fashion["train"], fashion["test"], fashion["data_dim"]) == (60000, 10000, 784)


@pytest.mark.parametrize("options", [[], ["--data-dir", "elsewhere"]])
def test_fetch(monkeypatch, options):
    given = []

    def fetch(folder, progress):
        given.append(folder)
        progress("a file: downloading")
        return Path("where/it/went")

    source = replace(fashion_mnist.SOURCE, fetch=fetch)
    monkeypatch.setitem(DATA_SETS._known, "fashion-mnist", source)
    result = invoke("fetch", "fashion-mnist", *options)
    assert result.exit_code == 0
    assert result.stdout == f"{Path('where/it/went')}\n"
    assert result.stderr == "a file: downloading\n"
    assert given == [options[1] if options else None]


def test_fetch_without_network(monkeypatch, tmp_path):
    def open_https(url):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(folders, "open_https", open_https)
    result = invoke("fetch", "fashion-mnist", "--data-dir", str(tmp_path / "mine"))
    assert isinstance(result.exception, Fault)
    assert "Network is unreachable" in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("name", "said"), [("pinwheel", "pinwheel needs no fetching"), ("mnist", "unknown data set 'mnist'")]
)
def test_fetch_of_another_name(name, said):
    result = invoke("fetch", name)
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == f"{said}; fetch dsprites or fashion-mnist"


def test_help_imports_little():
    program = f"""import sys
from {data.callback.__module__} import data
data(["fetch", "--help"], standalone_mode=False)
sys.exit(bool({{"scipy", "matplotlib", "minidecomp.engines"}} & set(sys.modules)))"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
