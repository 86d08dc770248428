"""From the text of a request to typed arguments, with the refusals of cloudstack-api.md 1.4 and 1.5."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.cloudstack.calls.access import Caller
from sandbox.cloudstack.protocol.catalogue import Command, Parameter
from sandbox.cloudstack.protocol.errors import BadParameter, InvalidValue, Malformed
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row

PAGE_SIZE = 500
_INDEXED = re.compile(r"(\w+)\[(\d+)\](?:\.(.+))?", re.ASCII | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_RANGES = {"int": 2**31, "long": 2**63}
_HOST_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
# A text that is too long is called as the command's Java class calls it; of the other classes that is (unverified).
_JAVA_NAMES = dict.fromkeys((("createVPC", "name"), ("listVPCs", "name"), ("updateVPC", "name")), "vpcName")
# These commands look for the thing themselves, in their job: one that is gone is no bad parameter yet (REAL).
_LOOKED_FOR_LATER = {"deleteVPC", "updateVPC", "deleteAccount", "deleteDomain"}
_NO_DECODING = (
    "if specifying an object array, please use parameter[index].field=XXX, e.g. userGroupList[0].group=httpGroup"
)

Arguments = dict[str, Any]


def arguments(cloud: Cloud, command: Command, sent: Mapping[str, str], caller: Caller) -> Arguments:
    given, maps = _split(sent)
    found: Arguments = {}
    for parameter in command.parameters.values():
        if parameter.is_for_root and not caller.is_root:
            continue
        if parameter.type == "map":
            if parameter.name in maps:
                found[parameter.name] = [maps[parameter.name][index] for index in sorted(maps[parameter.name])]
            elif parameter.is_required:
                raise _missing(command, parameter)
            continue
        text = given.get(parameter.name, "")
        if text.strip() or (text and parameter.type == "str"):
            found[parameter.name] = _Reader(cloud, command, caller).value(parameter, text)
        elif parameter.is_required:
            raise _missing(command, parameter)
    if "pagesize" in command.parameters:
        _check_paging(found)
    return found


def _split(sent: Mapping[str, str]) -> tuple[dict[str, str], dict[str, dict[int, dict[str, str]]]]:
    """Plain parameters by lower-case name, and indexed ones (`tags[0].key`) as maps by position."""
    plain: dict[str, str] = {}
    maps: dict[str, dict[int, dict[str, str]]] = {}
    for name, value in sent.items():
        if "[" not in name and "]" not in name:
            plain[name.lower()] = value
            continue
        match = _INDEXED.fullmatch(name)
        if match is None:
            raise Malformed(f"Unable to decode parameter {name}; {_NO_DECODING}")
        maps.setdefault(match[1].lower(), {}).setdefault(int(match[2]), {})[match[3] or ""] = value
    return plain, maps


def _missing(command: Command, parameter: Parameter) -> BadParameter:
    return BadParameter(
        f"Unable to execute API command {command.name.lower()} due to missing parameter {parameter.name}"
    )


class _Reader:
    def __init__(self, cloud: Cloud, command: Command, caller: Caller) -> None:
        self.cloud = cloud
        self.command = command
        self.caller = caller

    def value(self, parameter: Parameter, text: str) -> Any:
        match parameter.type:
            case "int" | "long":
                return self._number(parameter, text.strip())
            case "bool":
                return text.strip().lower() == "true"
            case "uuid":
                return self._thing(parameter, text.strip())
            case "uuids":
                return [self._thing(parameter, each.strip()) for each in text.split(",") if each.strip()]
            case "list":
                return [self._text(parameter, each.strip()) for each in text.split(",") if each.strip()]
            case "date":
                return self._date(parameter, text.strip())
            case _:
                return self._text(parameter, text)

    def _text(self, parameter: Parameter, text: str) -> str:
        if len(text) > parameter.max_length:
            name = _JAVA_NAMES.get((self.command.name, parameter.name), parameter.name)
            raise self._bad(f"Value greater than max allowed length {parameter.max_length} for param: {name}")
        if _CONTROL.search(text):
            raise BadParameter(
                f"Received value containing illegal ASCII non-printable characters for parameter {parameter.name}"
            )
        if (self.command.name, parameter.name) == ("deployVirtualMachine", "name") and not _HOST_NAME.fullmatch(text):
            raise self._bad(
                "Invalid value provided for API arg: name - it can contain ASCII letters 'a' through 'z', the digits "
                "'0' through '9', and the hyphen ('-'), must be between 1 and 63 characters long, and can't start or "
                'end with "-" and can\'t start with digit'
            )
        return text

    def _number(self, parameter: Parameter, text: str) -> int:
        limit = _RANGES[parameter.type]
        if re.fullmatch(r"[+-]?\d{1,19}", text, re.ASCII) and -limit <= int(text) < limit:
            return int(text)
        raise BadParameter(
            f"Unable to execute API command {self.command.name.lower()} due to invalid value {text} for parameter "
            f"{parameter.name}"
        )

    def _thing(self, parameter: Parameter, text: str) -> Row:
        if parameter.name == "projectid" and text == "-1":
            return {"id": "-1"}
        row = self._numbered(parameter, text) or self.cloud.resolve(parameter.kind, text)
        if row is None:
            raise self._bad(
                f"Invalid parameter {parameter.name} value={text} due to incorrect long value format, or entity does "
                "not exist or due to incorrect parameter annotation for the field in api cmd class."
            )
        if not self.command.is_list:
            is_late = self.command.name in _LOOKED_FOR_LATER and parameter.name == "id"
            if row.get("is_removed") and not is_late:
                raise InvalidValue(_gone(parameter, row, text))
            self.caller.check(self.cloud, parameter.kind, row)
        return row

    def _numbered(self, parameter: Parameter, text: str) -> Row | None:
        """What an internal number names; nothing has to have it yet, as only the command itself looks (REAL)."""
        if parameter.is_newer or not re.fullmatch(r"[+-]?\d{1,19}", text, re.ASCII) or abs(int(text)) >= 2**63:
            return None
        number = int(text)
        row = next((row for row in self.cloud.table(parameter.kind) if row.get("number") == number), None)
        return row or {"id": text, "number": number, "is_removed": True}

    def _date(self, parameter: Parameter, text: str) -> float:
        ends_day = parameter.name == "enddate" and _DATE.fullmatch(text)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise BadParameter(
                f"Unable to parse date {text} for command {self.command.name.lower()}, please pass dates in the "
                "format mentioned in the api documentation"
            ) from None
        if ends_day:
            moment += timedelta(days=1, seconds=-1)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def _bad(self, why: str) -> BadParameter:
        return BadParameter(f"Unable to execute API command {self.command.name.lower()} due to invalid value. {why}")


def _gone(parameter: Parameter, row: Row, text: str) -> str:
    if parameter.kind == "network":
        return f"Network ID={row['number']} doesn't exist"
    return f"Unable to find {parameter.kind} with the specified {parameter.name} {text}"


def _check_paging(found: Arguments) -> None:
    page, size = found.get("page"), found.get("pagesize")
    if size == -1 and page is None:
        return
    for missing, given in (("page", "pagesize"), ("pagesize", "page")):
        if missing not in found and given in found:
            raise BadParameter(f'"{missing}" parameter is required when "{given}" is specified')
    if size is None:
        return
    if size < 1:
        raise InvalidValue(f"Page size can't be {size}")
    if size > PAGE_SIZE:
        raise InvalidValue(f"Page size can't exceed max allowed page size value: {PAGE_SIZE}")
