"""Where data sets' files are looked for, and how one is downloaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ..errors import Fault


def cache() -> Path:
    """The user's folder for fetched data."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "minidecomp"


def candidates(name: str, data_dir: str | Path | None = None) -> list[Path]:
    """The folders to look into for a data set's files, in order.

    Parameters
    ----------
    name : str
        The data set's; each folder may have them in a subfolder of that name.
    data_dir : path or None
        The only folder. Without it: ``$MINIDECOMP_DATA``, then the user's cache.
    """
    if data_dir is not None:
        roots = [Path(data_dir)]
    else:
        variable = os.environ.get("MINIDECOMP_DATA")
        roots = [Path(variable)] if variable else []
        roots.append(cache())
    return [folder for root in roots for folder in (root, root / name)]


def fetch_file(
    url: str, target: Path, fault: Callable[[Path], str], progress: Callable[[str], object] = lambda line: None
) -> None:
    """Download a file, unless it is there and whole; no part of one is left behind.

    Parameters
    ----------
    url : str
    target : pathlib.Path
        Its folder is made if need be.
    fault : callable
        Given a path; says what is wrong with the file there, in words that follow its name, or nothing.
    progress : callable
        Given a line of text.

    Raises
    ------
    Fault
        The network or the disk failed, or what arrived has a fault.
    """
    # Here, for they take longer to import than the rest of the package.
    import urllib.request
    from http.client import HTTPException

    if target.is_file() and not fault(target):
        progress(f"{target.name}: already there")
        return
    progress(f"{target.name}: downloading")
    partial = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=60) as reply, open(partial, "wb") as file:
            while block := reply.read(1 << 20):
                file.write(block)
        found = fault(partial)
        if found:
            raise Fault(f"{url}: what arrived {found}; try again later")
        os.replace(partial, target)
    except (OSError, HTTPException) as error:
        raise Fault(f"cannot download {url} to {target}: {reason(error)}") from None
    finally:
        if partial.exists():
            partial.unlink()


def reason(error: Exception) -> str:
    """The words of an error itself, on one line."""
    error = getattr(error, "reason", error)  # what urllib wraps
    return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
