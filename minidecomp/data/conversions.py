"""What to do with files that minidecomp does not read."""

from __future__ import annotations

from pathlib import Path

_PANDAS = {
    ".json": "read_json('{0}')",
    ".jsonl": "read_json('{0}', lines=True)",
    ".ndjson": "read_json('{0}', lines=True)",
    ".dta": "read_stata('{0}')",
    ".sav": "read_spss('{0}')",
    ".sas7bdat": "read_sas('{0}')",
    ".xls": "read_excel('{0}')",
    ".ods": "read_excel('{0}')",
    ".orc": "read_orc('{0}')",
    ".pkl": "read_pickle('{0}')",
    ".pickle": "read_pickle('{0}')",
}
_PACKED = (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".rar", ".gz")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp")


def conversion(path: str | Path) -> str:
    """How to convert a file with this ending, as the end of a sentence; empty if unknown."""
    name, ending = Path(path).name, Path(path).suffix.lower()
    if ending in _PANDAS:
        return f"; in Python: pandas.{_PANDAS[ending].format(name)}.to_csv('{Path(path).stem}.csv', index=False)"
    if ending in _PACKED:
        return "; unpack it first"
    if ending in _PICTURES:
        return "; for images give the folder that they are in, as .png or .jpg"
    return ""
