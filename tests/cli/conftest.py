"""What the tests of several commands share."""

import shutil

import pytest


@pytest.fixture
def here(made, own_folder, capsys):
    """The test's folder, with a copy of what the module has made."""
    shutil.copytree(made, own_folder, dirs_exist_ok=True)
    capsys.readouterr()
    return own_folder
