"""What holds for every drawing, whoever draws it."""

from __future__ import annotations

import re
from xml.etree import ElementTree


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - what is parsed has just been drawn


def variants(drawn: str) -> list[str]:
    """The pictures in it: a map of a VPC is drawn wide and tall."""
    return re.findall(r"<svg.*?</svg>", drawn, flags=re.DOTALL)


def words_of(svg: str) -> list[str]:
    return [found.text or "" for found in parse(svg).iter("{http://www.w3.org/2000/svg}text")]


def assert_sound(drawn: str) -> None:
    """Well-formed, obedient to the content security policy, and with no id twice."""
    parse(drawn)
    assert " style=" not in drawn
    assert "<script" not in drawn
    assert not re.search(r'="-?(nan|inf)', drawn)
    ids = re.findall(r' id="([^"]+)"', drawn)
    assert len(ids) == len(set(ids))


def assert_titled(drawn: str) -> None:
    for svg in variants(drawn):
        picture = parse(svg)
        title, description = picture[0], picture[1]
        assert title.text
        assert description.text
        assert picture.get("aria-labelledby") == title.get("id")
        assert picture.get("aria-describedby") == description.get("id")


def assert_inside(picture: ElementTree.Element) -> None:
    _, _, width, height = (float(number) for number in picture.get("viewBox", "").split())
    for rect in picture.iter("{http://www.w3.org/2000/svg}rect"):
        x, y = float(rect.get("x", 0)), float(rect.get("y", 0))
        assert x >= 0
        assert y >= 0
        assert x + float(rect.get("width", 0)) <= width + 0.1
        assert y + float(rect.get("height", 0)) <= height + 0.1
    for words in picture.iter("{http://www.w3.org/2000/svg}text"):
        assert 0 <= float(words.get("x", 0)) <= width
        assert 0 <= float(words.get("y", 0)) <= height
