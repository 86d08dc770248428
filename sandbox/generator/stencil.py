"""Rows and bodies with holes: where a token of the sample stood, each print has a word of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Words = dict[str, str]
Stencil = Callable[[Words], Any]


def tokens_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Longer ones first, and none that is part of a longer number."""
    whole = [
        f"{'(?<![0-9.])' if text[0].isdigit() else ''}{re.escape(text)}{'(?![0-9])' if text[-1].isdigit() else ''}"
        for text in sorted(set(texts), key=lambda text: (-len(text), text))
    ]
    return re.compile(f"({'|'.join(whole)})")


def stencil_of(value: Any, tokens: re.Pattern[str]) -> Stencil:
    """Prints of a JSON value. What all have alike they share, unless it could be changed in one of them."""
    match value:
        case str() if tokens.search(value):
            return _text(tokens.split(value))
        case dict():
            holes = {name: stencil_of(each, tokens) for name, each in value.items() if _varies(each, tokens)}
            return lambda words: {**value, **{name: stencil(words) for name, stencil in holes.items()}}
        case list():
            each_one = [stencil_of(each, tokens) for each in value]
            return lambda words: [stencil(words) for stencil in each_one]
        case _:
            return lambda words: value


def _varies(value: Any, tokens: re.Pattern[str]) -> bool:
    return isinstance(value, dict | list) or (isinstance(value, str) and tokens.search(value) is not None)


def _text(parts: list[str]) -> Stencil:
    """Every other part is a token."""
    if len(parts) == 3 and parts[0] == parts[2] == "":
        token = parts[1]
        return lambda words: words[token]
    return lambda words: "".join([words[part] if at % 2 else part for at, part in enumerate(parts)])
