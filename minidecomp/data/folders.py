"""Where the files of data sets are looked for, and how they are downloaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import DataError, Fault
from ..files import make_folder, what_else, write_file

MOST_WORDS = 200  # characters of an error that are shown


def cache() -> Path:
    """The user's folder for downloaded data."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "minidecomp"


def candidates(name: str, data_dir: str | Path | None = None) -> list[Path]:
    """The folders to search for the files of a data set, in order.

    Parameters
    ----------
    name : str
        Name of the data set; each folder may have the files in a subfolder of this name.
    data_dir : path or None
        The only folder to search. Without it: ``$MINIDECOMP_DATA``, then the user's cache.
    """
    if data_dir is not None:
        roots = [Path(data_dir)]
    else:
        variable = os.environ.get("MINIDECOMP_DATA")
        roots = [Path(variable)] if variable else []
        roots.append(cache())
    return [folder for root in roots for folder in (root, root / name)]


def fetch_file(
    url: str,
    target: Path,
    most: int,
    fault: Callable[[bytes], str],
    progress: Callable[[str], object] = lambda line: None,
) -> None:
    """Download a file by https, unless it is there and complete. No partial file is left behind.

    Parameters
    ----------
    url : str
    target : pathlib.Path
        Its folder is made if needed.
    most : int
        Largest size of the file in bytes; reading stops there.
    fault : callable
        Called with the file's content; returns what is wrong with it, in words that follow its name, or an empty text.
    progress : callable
        Called with a line of text.

    Raises
    ------
    Fault
        The network or the disk failed, or the download has a fault.
    """
    if _is_whole(target, most, fault):
        progress(f"{target.name}: already there")
        return
    progress(f"{target.name}: downloading")
    make_folder(target.parent)
    content = _download(url, most)
    found = fault(content)
    if found:
        raise Fault(f"{url}: the download {found}; try again later")
    write_file(target, lambda file: file.write(content))


def _is_whole(target: Path, most: int, fault: Callable[[bytes], str]) -> bool:
    try:
        return target.is_file() and target.stat().st_size <= most and not fault(target.read_bytes())
    except OSError:
        return False


def _download(url: str, most: int) -> bytes:
    """What a server sends; raises Fault if that is more than ``most`` bytes."""
    from http.client import HTTPException

    try:
        with open_https(url) as reply:
            blocks, size = [], 0
            while size <= most and (block := reply.read(1 << 20)):
                blocks.append(block)
                size += len(block)
    except (OSError, HTTPException) as error:
        raise Fault(f"cannot download {url}: {reason(error)}") from None
    if size > most:
        raise Fault(f"cannot download {url}: it has more than {most:,} bytes, so it is not the file")
    return b"".join(blocks)


def open_https(url: str) -> Any:
    """The reply to a request by https; raises OSError if it leads to another protocol."""
    # Imported here, as it takes longer to import than the rest of the package.
    import urllib.request

    class HttpsOnly(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            _check_https(newurl)
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    _check_https(url)
    return urllib.request.build_opener(HttpsOnly).open(url, timeout=60)


def _check_https(url: str) -> None:
    if not url.lower().startswith("https://"):
        raise OSError(f"it leads to {url}, which is not https")


def refuse_what_is_no_file(path: Path) -> None:
    """Raise DataError for a pipe, a socket or a device, which might never end.

    A missing path raises FileNotFoundError, as reading it would.
    """
    kind = what_else(os.stat(path).st_mode)
    if kind not in (None, "a folder"):
        raise DataError(f"{path}: is {kind}; write the data to a file and give that file")


def reason(error: Exception) -> str:
    """The text of an error on one line, shortened, as an error about a damaged file may quote much of the file."""
    error = getattr(error, "reason", error)  # what urllib wraps
    words = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())
    return words if len(words) <= MOST_WORDS else words[:MOST_WORDS] + ".."
