"""What an answer consists of: its keys and the JSON types of what they hold, without the values.

    id name count:n isdefault:b         texts, a number, a boolean
    details{}  zone{id name}            objects
    vpc[@vpc]  tags[]  hosts[:s]        lists: of what is called `vpc`, empty, of texts
    @vpc.2: @vpc -account project       all of `vpc` but its account, and a project

A list of objects has the keys of all of them together.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

Shape = dict[str, Any]  # field -> "s", "n", "b", another shape, or a list of what its elements are

_TOKEN = re.compile(r"[{}\[\]]|[^\s{}\[\]]+")


def shape_of(value: Any) -> Any:
    match value:
        case dict():
            return {key: shape_of(each) for key, each in value.items()}
        case list():
            merged: Any = None
            for each in value:
                merged = _merged(merged, shape_of(each))
            return [] if merged is None else [merged]
        case bool():
            return "b"
        case int() | float():
            return "n"
        case None:
            return "null"
        case _:
            return "s"


def _merged(one: Any, other: Any) -> Any:
    match one, other:
        case None, _:
            return other
        case dict(), dict():
            return {key: _merged(one.get(key), other.get(key, one.get(key))) for key in {**one, **other}}
        case list(), list():
            return [_merged(one[0], other[0])] if one and other else one or other
        case _ if one == other:
            return one
        case _:
            return f"{one}|{other}"


def shape_of_xml(content: bytes) -> tuple[str, Shape]:
    """The root's name, and what stands in it. XML tells neither types nor lists of one from objects."""
    root = ElementTree.fromstring(content)  # noqa: S314 - from the sandbox
    shape = _element(root)
    return root.tag, shape if isinstance(shape, dict) else {}


def _element(element: ElementTree.Element) -> Any:
    if len(element) == 0:
        return "s"
    shape: Shape = {}
    for child in element:
        shape[child.tag] = _merged(shape.get(child.tag), _element(child))
    return shape


def paths(shape: Any, at: str = "") -> set[str]:
    """Every key with its type, such as `.vpc[].cidr (s)`."""
    match shape:
        case dict():
            here = {f"{at} (object)"} if at else set()
            return here.union(*(paths(each, f"{at}.{key}") for key, each in shape.items()))
        case list():
            return {f"{at} (list)"}.union(*(paths(each, f"{at}[]") for each in shape if not isinstance(each, str)))
        case _:
            return {f"{at} ({shape})"}


class Shapes:
    """Named shapes, and the reading of what is written with them."""

    def __init__(self) -> None:
        self.named: dict[str, Shape] = {}

    def define(self, name: str, text: str) -> None:
        self.named[name] = self.read(text)

    def read(self, text: str) -> Shape:
        tokens = _TOKEN.findall(text)
        shape = self._fields(tokens)
        if tokens:
            raise ValueError(f"unbalanced: {text}")
        return shape

    def _fields(self, tokens: list[str]) -> Shape:
        shape: Shape = {}
        while tokens and tokens[0] not in ("}", "]"):
            word = tokens.pop(0)
            if word.startswith("@"):
                shape |= self.named[word[1:]]
            elif word.startswith("-"):
                del shape[word[1:]]
            elif tokens and tokens[0] == "{":
                shape[word] = self._inside(tokens)
            elif tokens and tokens[0] == "[":
                shape[word] = self._elements(tokens)
            else:
                name, _, kind = word.partition(":")
                shape[name] = kind or "s"
        return shape

    def _inside(self, tokens: list[str]) -> Shape:
        tokens.pop(0)
        shape = self._fields(tokens)
        tokens.pop(0)
        return shape

    def _elements(self, tokens: list[str]) -> list[Any]:
        if tokens[1].startswith(":"):
            _, kind, _ = tokens.pop(0), tokens.pop(0), tokens.pop(0)
            return [kind[1:]]
        is_empty = tokens[1] == "]"
        shape = self._inside(tokens)
        return [] if is_empty else [shape]
