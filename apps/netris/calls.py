"""How calls to a Netris controller are made, and how its answers are undone.

A method answers with our types, with None for "there is no such thing", or raises:

    Unauthorized    the login is refused, or a fresh session is answered with 401
    Unavailable     timeouts, broken connections, 5xx, redirects, and answers that are no JSON of the expected kind
    Rejected        any other 4xx: 400 (validation, conflict), 403 (permission, missing property), 404 on a list;
                    also a 200 whose envelope says `isSuccess: false`

A read is tried a second time when the connection breaks. A write is not: whoever asked for it looks again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from apps.kernel.remote import Client, Rejected, Unauthorized, Unavailable, Wire
from apps.netris.wire import new_id

SYSTEM = "netris"
#: 201 is what a VPC peering is made with (netris-api.md 1.5).
DONE = (200, 201)
#: Seconds that the list of a whole controller may take.
LONGEST_LIST = 180.0
VPCS_PER_CALL = 100  # keeps the address below the two thousand characters that every proxy takes

Row = TypeVar("Row", bound=Wire)
Query = Sequence[tuple[str, str]]


class Calls(Client):
    def _create(self, path: str, body: Mapping[str, Any], *, subject: str) -> int:
        call = f"POST {path}"
        response = self._channel.send("POST", self._url + path, call=call, subject=subject, is_read=False, json=body)
        try:
            return new_id(self._undo(call, response))
        except ValueError as error:
            raise Unavailable(f"Netris answered {call} without an id", system=SYSTEM, call=call) from error

    def _update(self, path: str, row_id: int, body: Mapping[str, Any]) -> None:
        """Returns when it is written. What an update answers with differs and means nothing (1.6)."""
        call, subject = f"PUT {path}", str(row_id)
        url = self._url + path.replace("{id}", subject)
        self._undo(call, self._channel.send("PUT", url, call=call, subject=subject, is_read=False, json=body))

    def _delete(self, path: str, row_id: int, body: Mapping[str, Any] | None = None) -> None:
        """Returns when it is gone. What a delete answers with differs and means nothing (1.6)."""
        call, subject = f"DELETE {path}", str(row_id)
        url = self._url + path.replace("{id}", subject)
        response = self._channel.send("DELETE", url, call=call, subject=subject, is_read=False, json=body)
        if response.status_code != 404:
            self._undo(call, response)

    def _list(
        self,
        path: str,
        model: type[Row],
        query: Query = (),
        *,
        subject: object = "",
        patience: float | None = None,
    ) -> list[Row]:
        data = self._data(path, query, subject=str(subject), patience=patience)
        rows = data if isinstance(data, list) else [data] if data else []  # {} and null are empty lists too
        return [self._decode(path, row, model) for row in rows]

    def _get(self, path: str, row_id: int, model: type[Row]) -> Row | None:
        """By id. The answer is an object or a list of one, depending on the endpoint and the release."""
        try:
            rows = self._list(path, model, subject=row_id)
        except Rejected as refusal:
            if refusal.code == 404:
                return None
            raise
        return rows[0] if rows else None

    def _data(self, path: str, query: Query = (), *, subject: str = "", patience: float | None = None) -> Any:
        call = f"GET {path}"
        url = self._url + path.replace("{id}", subject)
        response = self._channel.send(
            "GET", url, call=call, subject=subject, is_read=True, query=query, read_timeout=patience
        )
        return self._undo(call, response)

    def _undo(self, call: str, response: httpx.Response) -> Any:
        """`data` of the envelope, or the whole body where there is none (e-BGP and tenants in some releases)."""
        status = response.status_code
        if status == 401:
            text = "Netris does not accept a session that it has just opened"
            raise Unauthorized(text, system=SYSTEM, call=call)
        try:
            body = json.loads(response.content, strict=False)
        except ValueError:
            body = None
        envelope = body if isinstance(body, dict) else {}
        if 400 <= status < 500 or (status in DONE and envelope.get("isSuccess") is False):
            raise _rejected(call, status, envelope)
        if status not in DONE or not isinstance(body, dict | list):
            raise Unavailable(f"Netris answered {call} with HTTP {status} and nothing usable", system=SYSTEM, call=call)
        return envelope.get("data", body)

    def _decode(self, path: str, row: Any, model: type[Row]) -> Row:
        try:
            return model.model_validate(row)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, part["loc"])) or "all of it" for part in error.errors()}))
            text = f"Netris answered GET {path} with a {model.__name__} that cannot be read: {fields}"
            raise Unavailable(text, system=SYSTEM, call=f"GET {path}") from error


def repeated(vpc_ids: Sequence[int]) -> Query:
    """The spelling for vnet, nat, routes and link (of the vendor's Java SDK)."""
    return [("filterByVpc", str(vpc_id)) for vpc_id in vpc_ids]


def joined(vpc_ids: Sequence[int]) -> Query:
    """The spelling for ipam, ipam/subnets and ebgp."""
    return [("filterByVpc", ",".join(map(str, vpc_ids)))]


def portions(vpc_ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(vpc_ids), VPCS_PER_CALL):
        yield vpc_ids[start : start + VPCS_PER_CALL]


def _rejected(call: str, status: int, envelope: dict[str, Any]) -> Rejected:
    """`message` sums up; `errors` names the property at fault: {"prefix": "IP prefix is out of any allocation"}."""
    message = str(envelope.get("message") or envelope.get("error") or "")
    errors = envelope.get("errors")
    details = errors if isinstance(errors, dict) else {}
    parts = [message, *(f"{name}: {text}" for name, text in details.items() if text)]
    text = "; ".join(part for part in parts if part) or f"Netris refused {call} with HTTP {status}"
    return Rejected(text, status, next(iter(details), None), system=SYSTEM, call=call)
