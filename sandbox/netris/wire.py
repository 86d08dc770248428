"""What goes over the wire: calls in, envelopes out, and nothing about any object.

Every reader of `Fields` either returns the type it names or refuses with the envelope of the controller, so handlers
never see a wrong type. Texts marked "unverified" are plain words where no source tells the controller's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any, Final

from sandbox.kit.http import Request, Response

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface

CREATED = "Successfully created."
UPDATED = "Successfully updated."
DELETED = "Successfully deleted."
MAX_BODY = 1024 * 1024
MISSING: Final[Any] = object()
_OLD_FILTERS = {"selectedSites": "filterBySites"}
TAG = re.compile(r"[A-Za-z0-9_=.\-]+")
dumps = json.JSONEncoder(separators=(",", ":")).encode  # escapes non-ASCII, so a lone surrogate cannot break a reply


class Refusal(Exception):  # noqa: N818 - the controller's answer, not a mistake of ours
    def __init__(self, status: int, message: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors or {}


def invalid(name: str, text: str) -> Refusal:
    """A refused value: the text stands both under its property and as the message."""
    return Refusal(400, text, {name: text})


def not_found() -> Refusal:
    return Refusal(404, "Not found")


@dataclass(frozen=True)
class Reply:
    """`data` is JSON text already, so that lists can be put together from rendered rows, `count` of them.

    Some answers have no envelope (`is_bare`), others have more keys in it (`beside`).
    """

    data: str = "{}"
    message: str = ""
    is_bare: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    count: int = 0
    beside: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Any, message: str = "", *, status: int = 200) -> Reply:
        return cls(dumps(data), message, status=status, count=len(data) if isinstance(data, list) else 0)

    @classmethod
    def rows(cls, rows: Iterable[str]) -> Reply:
        found = list(rows)
        return cls(f"[{','.join(found)}]", count=len(found))

    def response(self) -> Response:
        if self.is_bare:
            return json_response(self.status, self.data)
        text = envelope(self.status, self.data, self.message)
        if self.beside:
            text = f"{text[:-1]},{dumps(self.beside)[1:]}"
        return json_response(self.status, text, *self.headers)


def envelope(status: int, data: str, message: str, errors: Mapping[str, str] | None = None) -> str:
    return (
        f'{{"data":{data},"errors":{dumps(errors or {})},"message":{dumps(message)},'
        f'"isSuccess":{"true" if status < 300 else "false"},"meta":{{"apiVersion":"2","statusCode":{status}}}}}'
    )


def json_response(status: int, text: str, *headers: tuple[str, str]) -> Response:
    return Response(status, text.encode(), (("Content-Type", "application/json; charset=utf-8"), *headers))


def refused(refusal: Refusal) -> Response:
    return json_response(refusal.status, envelope(refusal.status, "{}", refusal.message, refusal.errors))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def weak_int(value: Any) -> int | None:
    """Numbers arrive as strings too (quirk 15). Booleans are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and len(value) <= 20 and re.fullmatch(r"-?[0-9]+", value.strip()):
        return int(value)
    return None


@dataclass(frozen=True)
class Call:
    """One call of the API, matched to a route. `target` is the part of the path that names an object."""

    request: Request
    target: str = ""
    _filters: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def body(self) -> Any:
        if len(self.request.body) > MAX_BODY:
            raise Refusal(400, "Request entity too large")  # unverified
        if not self.request.body.strip():
            return {}
        try:
            return json.loads(self.request.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as mistake:
            raise Refusal(400, "The body is not valid JSON.") from mistake  # unverified

    @property
    def fields(self) -> Fields:
        if not isinstance(self.body, dict):
            raise Refusal(400, "The body must be an object.")  # unverified
        return Fields(self.body)

    @property
    def id(self) -> int | None:
        return weak_int(self.target)

    def values(self, name: str) -> list[str]:
        """A query parameter in every spelling: `x`, `x[]`, `x[0]`, repeated or joined by commas (1.7, quirk 43).

        Every list takes all of them (unverified). `selectedSites[]` is the oldest word for `filterBySites`.
        """
        if not self._filters:
            for key, value in self.request.query:
                parts = [part.strip() for part in value.split(",") if part.strip()]
                word = key.split("[", 1)[0]
                self._filters.setdefault(_OLD_FILTERS.get(word, word), []).extend(parts)
        return self._filters.get(name, [])

    def ids(self, name: str) -> set[int] | None:
        """The ids of a filter; None without one. What is no number matches nothing."""
        values = self.values(name)
        return {number for value in values if (number := weak_int(value)) is not None} if values else None


class Fields:
    """A JSON object from a caller, read with suspicion. A null is an absent field, as the Java clients mean it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: value for name, value in values.items() if value is not None}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def raw(self, name: str, default: Any = MISSING) -> Any:
        value = self.values.get(name, default)
        if value is MISSING:
            text = f"Must have required property '{name}'"
            raise Refusal(403, text, {name: text})
        return value

    def text(self, name: str, default: Any = MISSING) -> str:
        value = self.raw(name, default)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise invalid(name, "Must be a string.")  # unverified
        return value

    def name(self, default: Any = MISSING) -> str:
        """A name of any length: what the limit is, is unverified."""
        value = self.text("name", default)
        if not value.strip():
            raise invalid("name", "Name must not be empty.")  # unverified
        return value

    def integer(self, name: str, low: int, high: int, default: Any = MISSING) -> int:
        value = weak_int(self.raw(name, default))
        if value is None or not low <= value <= high:
            raise invalid(name, f"Must be a number between {low} and {high}.")  # unverified
        return value

    def flag(self, name: str, default: Any = MISSING) -> bool:
        value = self.raw(name, default)
        if value in (0, 1) or value in ("true", "false"):
            return value in (1, "true")
        raise invalid(name, "Must be true or false.")  # unverified

    def choice(self, name: str, options: Iterable[str], default: Any = MISSING) -> str:
        value = self.text(name, default)
        for option in options:
            if option.lower() == value.lower():
                return option
        raise invalid(name, f"Must be one of {', '.join(options)}.")  # unverified

    def items(self, name: str, default: Any = ()) -> list[Any]:
        value = self.raw(name, default)
        if not isinstance(value, list | tuple):
            raise invalid(name, "Must be a list.")  # unverified
        return list(value)

    def object(self, name: str, default: Any = MISSING) -> Fields:
        value = self.raw(name, default)
        if not isinstance(value, dict):
            raise invalid(name, "Must be an object.")  # unverified
        return Fields(value)

    def objects(self, name: str) -> list[Fields]:
        found = self.items(name)
        if not all(isinstance(item, dict) for item in found):
            raise invalid(name, "Must be a list of objects.")  # unverified
        return [Fields(item) for item in found]

    def tags(self, default: Any = (), name: str = "tags") -> list[str]:
        found = self.items(name, default)
        for tag in found:
            if not isinstance(tag, str) or not TAG.fullmatch(tag):
                raise invalid(name, "Tags may contain letters, digits and the characters _ = - . only.")  # unverified
        return found

    def _unscoped(self, name: str, default: Any = MISSING) -> str:
        text = self.text(name, default).strip()
        if "%" in text:
            raise ValueError("zones of IPv6 addresses have no place here")
        return text

    def network(self, name: str, default: Any = MISSING) -> Network:
        """A CIDR; a bare address is a network of one."""
        try:
            return ip_network(self._unscoped(name, default))
        except ValueError as mistake:
            raise invalid(name, "Invalid IP prefix.") from mistake  # unverified

    def host(self, name: str, default: Any = MISSING) -> Network:
        """An address written as a network of one, such as 203.0.113.32/32."""
        found = self.network(name, default)
        if found.num_addresses != 1:
            raise invalid(name, "Must be a single address.")  # unverified
        return found

    def address(self, name: str, default: Any = MISSING) -> Address:
        try:
            return ip_address(self._unscoped(name, default))
        except ValueError as mistake:
            raise invalid(name, "Invalid IP address.") from mistake  # unverified

    def interface(self, name: str) -> Interface:
        try:
            text = self._unscoped(name)
            if "/" not in text:
                raise ValueError("no prefix length")
            return ip_interface(text)
        except ValueError as mistake:
            raise invalid(name, "Invalid IP prefix.") from mistake  # unverified
