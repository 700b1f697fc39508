"""Shortens long names so that different names stay different."""

from __future__ import annotations

from collections.abc import Sequence


def cut_apart(texts: Sequence[str], longest: int) -> list[str]:
    """The texts, shortened in the middle if they are longer than ``longest``; different texts stay different."""
    made = [_cut(text, longest) for text in texts]
    if len(set(made)) == len(set(texts)):
        return made
    same = _common_start(texts)
    made = [_cut("…" + text[same:], longest) for text in texts]
    if len(set(made)) == len(set(texts)):
        return made
    places = {text: place for place, text in enumerate(dict.fromkeys(texts), 1)}
    return [_cut(f"({places[text]}) {text}", longest) for text in texts]


def _common_start(texts: Sequence[str]) -> int:
    count = 0
    for letters in zip(*texts, strict=False):
        if len(set(letters)) > 1:
            break
        count += 1
    return max(count - 3, 0)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    end = (longest - 1) // 2
    return text[: longest - 1 - end] + "…" + text[len(text) - end :]
