"""WCAG 2.2 AA, computed from the tokens: 4.5 to 1 for words, 3 to 1 for the edges of controls and for shapes."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "static" / "weft" / "css" / "tokens.css"
DYES = ("indigo", "sage", "weld", "madder", "woad", "heather", "linen")
GROUNDS = ("canvas", "surface", "sunken", "raised", "hover")
THEMES = ("light", "dark")


def palette(theme: str) -> dict[str, str]:
    found = re.findall(r"--([\w-]+): (?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));", TOKENS.read_text())
    return {name: both or (light if theme == "light" else dark) for name, light, dark, both in found}


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


WORDS = [
    *product(("ink", "ink-2", "ink-3"), GROUNDS),
    *product(("indigo", "madder", "linen"), GROUNDS),
    *((dye, f"{dye}-soft") for dye in DYES),
    *product(DYES, ("surface", "sunken")),
    *product(("ink", "ink-2"), (f"{dye}-soft" for dye in DYES)),
    *(("on-solid", ground) for ground in ("indigo-solid", "indigo-solid-hover", "madder-solid", "madder-solid-hover")),
    ("canvas", "ink"),
    ("thread", "canvas"),
]
SHAPES = [
    *product(("line-strong",), GROUNDS),
    *product((f"{dye}-solid" for dye in DYES), ("surface", "sunken")),
    *product(("indigo", "thread"), GROUNDS),
]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("word", "ground"), WORDS)
def test_words_can_be_read(theme, word, ground):
    colours = palette(theme)

    assert contrast(colours[word], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("shape", "ground"), SHAPES)
def test_shapes_can_be_seen(theme, shape, ground):
    colours = palette(theme)

    assert contrast(colours[shape], colours[ground]) >= 3


def test_no_colour_is_named_outside_the_tokens():
    for sheet in sorted(TOKENS.parent.glob("*.css")):
        if sheet.name in ("tokens.css", "print.css"):
            continue
        named = re.findall(r"#[0-9a-fA-F]{3,8}\b|rgb\(|hsl\(", sheet.read_text())
        assert not named or (sheet.name == "shell.css" and named == ["#1a2258"]), sheet.name
