"""Play the calls that a real CloudStack answered against the sandbox, and tell where its answers differ.

    python -m tests.recordings createVPC t.             the differences of the steps that begin so
    python -m tests.recordings                          of all, and how many they are

Nothing sleeps: the world's clock is advanced past the end of a job where the recording shows it ended. What the steps
made is called by the step's name, so the sandbox's own ids and addresses take the place of the recorded ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import httpx

from sandbox.site import REFERENCE
from sandbox.world import World
from tests.recordings.shapes import Shape, Shapes, paths, shape_of, shape_of_xml
from tests.sandbox.cloudstack.client import sign

RECORDING = Path(__file__).with_name("cloudstack.txt")
JOB_SECONDS = 0.4
KINDS = ("errors", "texts", "keys", "headers")
STATES = {"pending": 0, "done": 1, "failed": 2}

_STEP = re.compile(r"(?P<name>[\w.]+): (?P<command>[\w-]+) ?(?P<parameters>.*)")
_REFUSAL = re.compile(r"(?P<status>\d+)(?:/(?P<number>\d+))?(?P<xml> xml)?(?: <(?P<key>\w+)>)? (?P<text>.*)")
_ANSWER = re.compile(r"200(?P<xml> xml)?(?: <(?P<key>\w+)>)?(?P<shape>.*)")
_JOB = re.compile(r"(?P<state>pending|done|failed)(?:/(?P<code>\d+))? (?P<shape>@[\w.]+) ?(?P<more>.*)")
_WORD = re.compile(r'[^\s="]+="(?:[^"\\]|\\.)*"|\S+')
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"(?i)(ids?[\"'=: \[]+)\d+")
_NUMBERED = re.compile(r"\bi-\d+-\d+-VM\b|\bcs[0-9a-f]+(?=cloud\.internal)")


@dataclass(frozen=True)
class Answer:
    """What is compared of an answer. `job` is a job's state and code."""

    status: int
    envelope: str
    shape: Shape
    number: int | None = None
    text: str = ""
    is_xml: bool = False
    job: tuple[int, int] | None = None


@dataclass(frozen=True)
class Step:
    """One call. `of` is the step whose job is asked about; what was not recorded has no answer."""

    name: str
    command: str
    parameters: dict[str, str]
    of: str = ""
    answer: Answer | None = None


@dataclass
class Difference:
    """Where the sandbox's answer to a step is another than the recorded one."""

    step: Step
    errors: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n  ".join([f"{self.step.name}:", *self.errors, *self.texts, *self.keys, *self.headers])

    def __bool__(self) -> bool:
        return bool(self.errors or self.texts or self.keys or self.headers)


def read(text: str | None = None) -> list[Step]:
    """The recorded steps, in the order of their calls."""
    shapes = Shapes()
    steps: dict[str, Step] = {}
    for head, body in _blocks(text or RECORDING.read_text()):
        if head.startswith("@"):
            name, _, fields = head[1:].partition(":")
            shapes.define(name, f"{fields} {body}")
            continue
        match = _STEP.fullmatch(head)
        if match is None:
            raise ValueError(f"no step: {head}")
        name, command = match["name"], match["command"]
        if command == "job":
            step = Step(name, "queryAsyncJobResult", {}, match["parameters"], _recorded_job(body, shapes))
        else:
            command = "" if command == "-" else command
            parameters = _parameters(match["parameters"], steps)
            step = Step(name, command, parameters, "", _recorded(command, body, shapes) if body else None)
        steps[name] = step
    return list(steps.values())


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each line that begins at the margin, and those below it that do not, joined."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    heads = [number for number, line in enumerate(lines) if not line.startswith(" ")]
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        yield lines[start], " ".join(line.strip() for line in lines[start + 1 : end])


def _parameters(text: str, steps: dict[str, Step]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in _WORD.findall(text):
        name, equals, value = word.partition("=")
        if word.startswith("~"):
            found |= steps[word[1:]].parameters
        elif equals:
            found[name] = json.loads(value) if value.startswith('"') else value
        else:
            del found[word[1:]]
    return found


def _recorded(command: str, body: str, shapes: Shapes) -> Answer:
    envelope = f"{command.lower()}response"
    if match := _ANSWER.fullmatch(body):
        return Answer(200, match["key"] or envelope, shapes.read(match["shape"]), is_xml=bool(match["xml"]))
    match = _REFUSAL.fullmatch(body)
    if match is None:
        raise ValueError(f"no answer: {body}")
    number = int(match["number"]) if match["number"] else None
    shape: Shape = {"errorcode": "n", "errortext": "s"} | ({} if number is None else {"cserrorcode": "n"})
    shape |= {} if match["xml"] else {"uuidList": []}
    if match["xml"]:
        shape = dict.fromkeys(shape, "s")
    return Answer(int(match["status"]), match["key"] or envelope, shape, number, match["text"], bool(match["xml"]))


def _recorded_job(body: str, shapes: Shapes) -> Answer:
    match = _JOB.fullmatch(body)
    if match is None:
        raise ValueError(f"no job: {body}")
    state, code = STATES[match["state"]], int(match["code"] or 0)
    shape = shapes.read(match["shape"])
    if state == STATES["failed"]:
        shape["jobresult"] = {"errorcode": "n", "errortext": "s"}
    else:
        shape |= shapes.read(match["more"])
    text = match["more"] if state == STATES["failed"] else ""
    return Answer(200, "queryasyncjobresultresponse", shape, text=text, job=(state, code))


class Replay:
    """The recorded calls on a world of their own."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.http = httpx.Client(transport=world.cloudstack_transport(), base_url="http://cloudstack.test")
        (admin,) = world.cloudstack.cloud.table("user").where(username="admin")
        self.keys = {"root": (admin["apikey"], admin["secretkey"])}
        self.known = dict(self._what_the_zone_has())

    def play(self, steps: list[Step]) -> Iterator[Difference]:
        """What differs, step by step; nothing of steps that agree."""
        with self.world.cloudstack.cloud.drawing_from(Random("recording")):
            for step in steps:
                if step.answer is None or step.answer.job is None or step.answer.job[0] != STATES["pending"]:
                    self.world.clock.advance(JOB_SECONDS + 0.1)
                if step.command == "wait":
                    self.world.clock.advance(float(step.parameters["seconds"]))
                    continue
                response = self._send(step)
                body = self._learn(step, response)
                if step.answer is not None:
                    difference = _compare(step, response, body)
                    if difference:
                        yield difference

    def _send(self, step: Step) -> httpx.Response:
        given = {name: self._value(value) for name, value in step.parameters.items()}
        given |= {"command": step.command} if step.command else {}
        if step.of:
            given["jobid"] = self.known.get(f"{step.of}.jobid", "never-started")
        if given.setdefault("response", "json") == "none":
            del given["response"]
        key, secret = self.keys["tenant" if step.name.startswith("t.") else "root"]
        if step.name != "wire.nokey":
            given["apikey"] = "nobody" if step.name == "wire.badkey" else key
            given["signature"] = sign(given, "wrong" if step.name == "wire.badsignature" else secret)
        return self.http.get("/client/api", params=given)

    def _value(self, text: str) -> str:
        """With what stands in braces replaced: `{256*n}` by so many letters, a step's name by what it made."""

        def known(match: re.Match[str]) -> str:
            times, _, letter = match[1].partition("*")
            return letter * int(times) if letter else self.known.get(match[1], f"not-made-by-{match[1]}")

        return re.sub(r"\{([^}]+)\}", known, text)

    def _learn(self, step: Step, response: httpx.Response) -> Any:
        """The answer's content, having kept what later steps call by this one's name."""
        if not response.headers["content-type"].startswith("application/json"):
            return None
        (body,) = json.loads(response.content, strict=False).values()
        if response.status_code != 200:
            return body
        if step.command == "getUserKeys" and "secretkey" in body["userkeys"]:
            self.keys["tenant"] = body["userkeys"]["apikey"], body["userkeys"]["secretkey"]
        if step.command == "listPublicIpAddresses":
            which = "ipaddress" if step.name.endswith(".free") else "id"
            found = enumerate(body.get("publicipaddress", []))
            self.known |= {f"{step.name}.{number}": row[which] for number, row in found}
        if "jobid" in body and step.command != "queryAsyncJobResult":
            self.known[f"{step.name}.jobid"] = body["jobid"]
        made = next((each for each in body.values() if isinstance(each, dict) and "id" in each), body)
        if step.command.startswith(("create", "deploy", "associate")) and "id" in made:
            self.known[step.name] = made["id"]
            self.known |= {f"{step.name}.user": user["id"] for user in made.get("user", [])}
        return body

    def _what_the_zone_has(self) -> Iterator[tuple[str, str]]:
        """The ids of what the recorded zone has as well, by the name that the recording gives it."""
        for name, table, row_name in (
            ("zone", "zone", self.world.cloudstack.cloud.site.zone.name),
            ("vpc-nat", "vpcoffering", "VPC offering with Netris - NAT Mode"),
            ("vpc-route", "vpcoffering", "VPC offering with Netris - Route Mode"),
            ("tier-nat", "networkoffering", "DefaultNATNetrisNetworkOfferingForVpc"),
            ("tier-route", "networkoffering", "DefaultRoutedNetrisNetworkOfferingForVpc"),
            ("small", "serviceoffering", "Small Instance"),
            ("default_allow", "networkacllist", "default_allow"),
            ("default_deny", "networkacllist", "default_deny"),
        ):
            if row := self.world.cloudstack.cloud.table(table).find(name=row_name):
                yield name, row["id"]
        for name, table in (("template", "template"), ("physical-network", "physicalnetwork")):
            yield name, next(row["id"] for row in self.world.cloudstack.cloud.table(table))


def _compare(step: Step, response: httpx.Response, body: Any) -> Difference:
    real = step.answer
    assert real is not None
    difference = Difference(step)
    here = _answer_of(response, body)
    for what in ("status", "envelope", "number", "is_xml", "job"):
        wanted, found = getattr(real, what), getattr(here, what)
        if wanted != found:
            difference.errors.append(f"{what}: real {wanted}, here {found}")
    difference.headers += _headers(response, real) if real.status == here.status else ()
    if _plain(real.text) != _plain(here.text):
        difference.texts += [f"text, real: {real.text}", f"text, here: {here.text}"]
    if (real.status, real.job) == (here.status, here.job):
        wanted_keys, found_keys = paths(real.shape), paths(here.shape)
        difference.keys += [f"+ {path}" for path in sorted(wanted_keys - found_keys)]
        difference.keys += [f"- {path}" for path in sorted(found_keys - wanted_keys)]
    return difference


def _answer_of(response: httpx.Response, body: Any) -> Answer:
    if body is None:
        envelope, shape = shape_of_xml(response.content)
        element = {name: _xml_text(response, name) for name in ("cserrorcode", "errortext") if name in shape}
        number = int(element["cserrorcode"]) if "cserrorcode" in element else None
        return Answer(response.status_code, envelope, shape, number, element.get("errortext", ""), is_xml=True)
    ((envelope, _),) = json.loads(response.content, strict=False).items()
    job, text = None, str(body.get("errortext", ""))
    if envelope == "queryasyncjobresultresponse" and "jobstatus" in body:
        job = body["jobstatus"], body["jobresultcode"]
        result = body.get("jobresult", {})
        text = str(result.get("errortext", "")) if isinstance(result, dict) else str(result)
    shape = shape_of(body)
    return Answer(response.status_code, envelope, shape, body.get("cserrorcode"), text, job=job)


def _xml_text(response: httpx.Response, name: str) -> str:
    match = re.search(f"<{name}>(.*?)</{name}>", response.text, re.DOTALL)
    return match[1] if match else ""


def _headers(response: httpx.Response, real: Answer) -> Iterator[str]:
    wanted = "text/xml;charset=utf-8" if real.is_xml else "application/json;charset=utf-8"
    if (found := response.headers["content-type"]) != wanted:
        yield f"content type: real {wanted}, here {found}"
    if (real.status not in (200, 401)) != ("x-description" in response.headers):
        yield f"X-Description: {'x-description' in response.headers} here"


def _plain(text: str) -> str:
    """Without the ids, which are each cloud's own, and what is named by them."""
    return _NUMBERED.sub("N", _NUMBER.sub(r"\g<1>N", _UUID.sub("UUID", text))).replace("\n", "\\n")


def differences() -> list[Difference]:
    """All of them, on a new world."""
    world = World(site=replace(REFERENCE, zone=replace(REFERENCE.zone, name="real1")), job_seconds=JOB_SECONDS)
    try:
        return list(Replay(world).play(read()))
    finally:
        world.close()
