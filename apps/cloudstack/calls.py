"""How CloudStack is called, and how its answers are undone.

What an answer's error code becomes (`errorcode` stands in the body and equals the HTTP status):

    401        Unauthorized   bad key or signature, expired request, disabled account. A person mends the credentials;
                              meanwhile work must wait and not be undone. (It also means "unknown command" for a key.)
    429        Unavailable    the rate limit was hit; nothing happened
    503        Unavailable    the management server is going down for maintenance and refuses jobs; nothing happened
    530        Unavailable    on a read; on a write only if it lost a race ("concurrent", "unable to acquire lock", or
                              cserrorcode 4300), and then parts of it may have happened
    530        Rejected       on any other write: "failed to ..." does not get better by asking again
    533, 534   Rejected       no capacity, backend did not apply the change: a person has to act first, and the tenant
                              should rather see the reason than a clock
    431        nothing        on a read, if what it was asked about does not exist: None, or an empty list
    others     Rejected       400, 405, 430, 431, 432, 511, 531, 532, 535, 536, 537
    no body    Unavailable    an answer that is no CloudStack JSON comes from something in between, whatever its status
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from apps.cloudstack.wire import Entity, Job, StartedJob
from apps.kernel.remote import Client, Rejected, RemoteError, Unauthorized, Unavailable, Wire

SYSTEM = "cloudstack"
PAGE_SIZE = 500  # `default.page.size`; a larger page is refused with 431
NO_SUCH_ENTITY = "entity does not exist"  # end of the text about a parameter that names no known uuid
RACE_TEXTS = ("concurrent", "unable to acquire lock")
NAMES = re.compile(r"[{\[].*[}\]]", re.DOTALL)  # `VPC {"id":30,"name":"vpc one",...}`: tenants' names stand in texts
CONCURRENT_OPERATION = 4300  # cserrorcode of ConcurrentOperationException

# A job that ends without a result says why by its code alone (cloudstack-api.md 2.2).
WITHOUT_RESULT = {
    530: "CloudStack's management server was restarted while it worked on this",
    0: "CloudStack cancelled the job, which had waited too long in its queue",
}

Row = TypeVar("Row", bound=Wire)
Listed = TypeVar("Listed", bound=Entity)
Body = dict[str, Any]
Value = str | int | bool | IPv4Address | IPv4Network | None


class Calls(Client):
    def _get(self, command: str, key: str, model: type[Listed], row_id: str) -> Listed | None:
        return next(iter(self._list(command, key, model, id=row_id)), None)

    def _list(
        self, command: str, key: str, model: type[Listed], *, listall: bool | None = True, **filters: Value
    ) -> list[Listed]:
        """All pages at once; a row that comes twice is kept once."""
        pages = self._pages(command, key, model, listall=listall, **filters)
        return list({row.id: row for page in pages for row in page}.values())

    def _pages(
        self, command: str, key: str, model: type[Listed], *, listall: bool | None = True, **filters: Value
    ) -> Iterator[list[Listed]]:
        """Page by page. Rows can shift between two of them, so one may come twice.

        Without `listall` the rows are those of the key's own account.
        """
        seen, page = 0, 1
        while True:
            try:
                body = self._read(command, **filters, listall=listall, page=page, pagesize=PAGE_SIZE)
            except Rejected as refusal:
                if is_unknown(refusal):
                    return
                raise
            batch = body.get(key) or []  # an empty list is {}, a page past the end has a count and no list
            yield [self._decode(command, raw, model) for raw in batch]
            seen += len(batch)
            if not batch or seen >= _number(body.get("count")):
                return
            page += 1

    def _read(self, command: str, **parameters: Value) -> Body:
        return self._call(command, parameters, is_read=True)

    def _write(self, command: str, **parameters: Value) -> Body:
        return self._call(command, parameters, is_read=False)

    def _call(self, command: str, parameters: dict[str, Value], *, is_read: bool) -> Body:
        form = {"command": command}
        form |= {name: _spelled(value) for name, value in parameters.items() if value is not None}
        subject = next((form[name] for name in ("id", "name", "account", "jobid", "vpcid") if name in form), "")
        response = self._channel.send("POST", self._url, call=command, subject=subject, is_read=is_read, form=form)
        body = self._undo(command, response)
        if "errorcode" in body:
            raise _error(command, body, is_read=is_read)
        return body

    def _undo(self, command: str, response: httpx.Response) -> Body:
        """What stands under the single top-level key. Its name is not computed: several commands answer under another.

        Not strict, because CloudStack passes control characters through unescaped.
        """
        try:
            [body] = json.loads(response.content, strict=False).values()
        except (ValueError, AttributeError):
            body = None
        if isinstance(body, dict) and (response.status_code == 200 or "errorcode" in body):
            return body
        raise self._unreadable(command, f"HTTP {response.status_code} without a CloudStack answer")

    def _object(self, command: str, body: Body, key: str, model: type[Row]) -> Row:
        return self._decode(command, body.get(key), model)

    def _decode(self, command: str, row: Any, model: type[Row]) -> Row:
        try:
            return model.model_validate(row)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, part["loc"])) or "all of it" for part in error.errors()}))
            raise self._unreadable(command, f"a {model.__name__} that cannot be read: {fields}") from error

    def _started(self, command: str, **parameters: Value) -> StartedJob:
        """For commands that answer with what they make and the job that goes on with it."""
        body = self._write(command, **parameters)
        return StartedJob(id=self._text_of(command, body, "id"), job=self._job_of(command, body))

    def _job_of(self, command: str, body: Body) -> str:
        return self._text_of(command, body, "jobid")

    def _text_of(self, command: str, body: Body, key: str) -> str:
        if text := str(body.get(key) or ""):
            return text
        raise self._unreadable(command, f"no {key}")

    def _unreadable(self, command: str, what: str) -> Unavailable:
        return Unavailable(f"CloudStack answered {command} with {what}", system=SYSTEM, call=command)


def refusal_of(job: Job) -> Rejected:
    """Why a job failed, in its own words where it left any."""
    silence = WITHOUT_RESULT.get(job.error_code) if job.answer is None else None
    text = job.error_text or silence or "CloudStack ended the job without saying why"
    return Rejected(text, job.error_code, system=SYSTEM, call="queryAsyncJobResult")


def is_unknown(refusal: Rejected) -> bool:
    return refusal.code == 431 and NO_SUCH_ENTITY in refusal.text.lower()


def _spelled(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _error(command: str, body: Body, *, is_read: bool) -> RemoteError:
    code = _number(body["errorcode"])
    text = str(body.get("errortext") or f"CloudStack refused {command} with code {code}")
    match code:
        case 401:
            return Unauthorized(text, system=SYSTEM, call=command)
        case 429 | 503:
            return Unavailable(text, maybe_sent=False, system=SYSTEM, call=command)
        case 530 if is_read or _lost_a_race(text, body):
            return Unavailable(text, system=SYSTEM, call=command)
        case _:
            return Rejected(text, code, system=SYSTEM, call=command)


def _lost_a_race(text: str, body: Body) -> bool:
    words = NAMES.sub("", text).lower()
    return _number(body.get("cserrorcode")) == CONCURRENT_OPERATION or any(part in words for part in RACE_TEXTS)


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0
