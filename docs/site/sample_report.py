"""The sample report of the site: a quick run's, trained when the site is built, so that it is never out of date."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

COMMANDS = (
    "train --prior mixture --alpha 5 --beta 0.5 --log-gradients --out pulls --no-plots --quiet --engine cpu",
    "evaluate pulls --quiet",
    "report pulls",
)


def write_report(app: Any, error: Exception | None) -> None:
    """Train in a folder that is thrown away, and copy the page to the site."""
    if error is not None or app.builder.format != "html":
        return
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            subprocess.run(
                [sys.executable, "-m", "minidecomp", *command.split()],
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        shutil.copy(Path(folder) / "pulls" / "report.html", Path(app.outdir) / "report.html")


def setup(app: Any) -> dict[str, Any]:
    """Connect to the end of the build."""
    app.connect("build-finished", write_report)
    return {"parallel_read_safe": True}
