"""The fact sheet, read: the objects of cloudstack-api.md 3 with their fields, and what of an answer does not fit them.

Objects of which the sheet lists "the useful part" may show more than it says. No other field may be there, and each is
of the type that the sheet says; fields that only root sees are checked with a root key.
"""

import json
import re
import textwrap
from pathlib import Path

SHEET = (Path(__file__).parents[3] / "docs" / "facts" / "cloudstack-api.md").read_text()
COMMANDS = SHEET[SHEET.index("## 3. Commands") : SHEET.index("## 4. State machines")]

_OBJECT = re.compile(r"^\*? ?\*\*(\w+)(?: fields)?\*\*(?: \((useful part|internal)[^)]*\))?[^:\n]*: (.+)$", re.M)
_FIELD = re.compile(r"`(\w+)`( bool| num| date| Short| List| Set| Map| map| list)?(?:\((\w+)\))?")
_EXTRAS = {"hasannotations", "icon", "jobid", "jobstatus"}
_WORDS = (
    *("vm", "ip", "volume", "snapshot", "template", "project", "network", "vpc", "cpu", "memory"),
    *("primarystorage", "secondarystorage", "backup", "backupstorage", "bucket", "objectstorage", "gpu"),
)
_PYTHON = {"bool": bool, "num": (int, float), "Short": int, "List": list, "Set": list, "list": list, "Map": dict}
_PYTHON |= {"map": dict, "date": str, "": str}
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000")

# The sheet gives no type for these, or gives it in a sentence; `tags` of a zone and the like are lists throughout.
_UNTYPED = {
    *("count", "state", "service", "provider", "tags", "nic", "network", "ip4routes", "owner", "user", "details"),
    *("isdefault", "groups", "vmrunning", "vmstopped", "crossZones", "isolationmethods", "securitygroup"),
    *("affinitygroup", "secondaryip", "extradhcpoption", "resourcedetails"),
}

# Objects inside of objects, by the name of the field that lists them.
_INNER = {"network": "network", "user": "user", "nic": "nic", "tags": "tag", "service": "service"}


def _read_objects():
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for name, part, text in _OBJECT.findall(COMMANDS):
        fields = {field: kind.strip() for field, kind, _ in _FIELD.findall(text.split(" \N{EN DASH} ")[0])}
        if len(fields) > len(found.get(name, ("", {}))[1]):  # an object is spoken of more than once
            found[name] = (part, fields)
    return found


OBJECTS = _read_objects()
OBJECTS["service"] = ("", {"name": "", "provider": "list", "capability": "list"})  # 3.2
OBJECTS["userkeys"] = ("", {"apikey": "", "secretkey": "", "apikeyaccess": "bool"})  # 3.1
OBJECTS["apilimit"] = (
    "",
    {"accountid": "", "account": "", "apiIssued": "num", "apiAllowed": "num", "expireAfter": "num"},
)  # 2.3
OBJECTS["api"] = (  # 3.1
    "",
    {
        **{"name": "", "description": "", "since": "", "isasync": "bool", "related": ""},
        **{"params": "list", "response": "list"},
    },
)


# The same for people who ask listApis: fields.txt of the emulator says what `described` finds.

_TYPES = {"bool": "boolean", "num": "integer", "Short": "integer", "date": "date", "Map": "map", "map": "map"}
_TYPES |= {"List": "list", "list": "list", "[]": "list", "Set": "set"}
_DESCRIBED = re.compile(r"`(\w+)(\[\])?`(?: (\w+)(?:\(([\w, ]+)\))?)?(\^?)")


def described():
    """Objects with their fields, each spelt as in fields.txt: `name`, `name:type`, `name:type:object`, all with ^."""
    found: dict[str, list[str]] = {}
    for name, _, text in _OBJECT.findall(COMMANDS):  # among them sentences about a command, or about a state
        fields = _fields_described(text)
        if f"| `{name}` |" not in COMMANDS and name.islower() | (name == "netrisProvider"):
            found[name] = max(found.get(name, []), fields, key=len)
    found["userkeys"] = list(OBJECTS["userkeys"][1])
    return {name: [_with_object(field, found) for field in found[name]] for name in sorted(found, key=str.lower)}


def _fields_described(text):
    triples = "limit triples" in text
    text = re.sub(r"(`\w+`), (`\w+`) \(both root\)", r"\1^, \2^", text)
    text = re.sub(r" \(([^)]*)\)", lambda match: "^" if "root" in match[1] else "", text)
    text = re.split(r"; | \N{EN DASH} ", re.sub(r"\{[^}]*\}", "", text))[0]
    fields: dict[str, str] = {}
    for name, brackets, word, inner, root in _DESCRIBED.findall(text):
        kind = _TYPES.get(brackets or word, "")
        fields.setdefault(name, ":".join(filter(None, (name, kind, inner if kind in ("list", "set") else ""))) + root)
    if triples:
        for word in _WORDS:
            fields |= {f"{word}{end}": f"{word}{end}" for end in ("limit", "available")}
            fields[f"{word}total"] = f"{word}total:integer"
    return list(fields.values())


def _with_object(field, objects):
    """A list of what the sheet describes says so; a list of anything else is just a list."""
    name, kind, inner = [*field.rstrip("^").split(":"), "", ""][:3]
    inner = inner.lower() if inner.lower() in objects else _INNER.get(name, "") if kind in ("list", "set") else ""
    return ":".join(filter(None, (name, kind, inner))) + "^" * field.endswith("^")


def fields_file():
    """fields.txt as it should be. `python -m tests.sandbox.cloudstack_sheet` writes it."""
    lines = [
        "# What the objects of the API consist of, as cloudstack-api.md 3 lists it.",
        "#",
        "#   object",
        "#       field[:type[:object]][^] ...      no type: text; object: what a list holds; ^ for root admins alone",
    ]
    for name, fields in described().items():
        lines += ["", name, *textwrap.wrap(" ".join(fields), 116, initial_indent="    ", subsequent_indent="    ")]
    return "\n".join(lines) + "\n"


def section(number):
    """The text of a section such as `2.2`."""
    start = SHEET.index(f"### {number} ")
    return SHEET[start : SHEET.index("\n##", start + 1)]


def fields_of_jobs():
    """The fields of queryAsyncJobResult, from the table of 2.2."""
    table = section("2.2")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", table[table.index("| Field |") :], re.M)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def examples():
    """The JSON objects that section 3 shows in whole."""
    return [json.loads(text) for text in re.findall(r"```json\n(\{.+?\})\n```", COMMANDS, re.S)]


def misfits(name, row, where=""):
    """What in a row is not as the sheet says of the object, in words. Lists of objects inside are looked into."""
    part, fields = OBJECTS[name]
    where = where or name
    wrong = []
    for field, value in row.items():
        if field in _EXTRAS:
            continue
        if name in ("account", "domain", "project") and (end := _end_of_triple(field)):
            if not isinstance(value, (int, float) if end == "total" else str):
                wrong.append(f"{where}.{field} is {value!r}")
            continue
        if field not in fields:
            if part != "useful part":
                wrong.append(f"{where}.{field} is not in the sheet")
            continue
        wrong += _misfit(
            f"{where}.{field}", value, fields[field], is_said=field not in _UNTYPED, is_loose=part == "useful part"
        )
        if isinstance(value, list) and field in _INNER:
            wrong += [each for inner in value for each in misfits(_INNER[field], inner, f"{where}.{field}")]
    return wrong


def _end_of_triple(field):
    ends = ("limit", "total", "available")
    return next((end for end in ends if field in {f"{word}{end}" for word in _WORDS}), None)


def _misfit(where, value, kind, *, is_said, is_loose):
    if value is None:
        return [f"{where} is null"]
    if isinstance(value, bool) and kind == "num":
        return [f"{where} is a boolean, not a number"]
    if is_said and (kind or not is_loose) and not isinstance(value, _PYTHON[kind]):
        return [f"{where} is {value!r}, not {kind or 'a string'}"]
    if kind == "date" and not _DATE.fullmatch(value):
        return [f"{where} is {value!r}, not a date"]
    return []


if __name__ == "__main__":
    (Path(__file__).parents[3] / "sandbox" / "cloudstack" / "protocol" / "fields.txt").write_text(fields_file())
