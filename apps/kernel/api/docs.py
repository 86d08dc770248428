"""The API's description as people read it: what can be asked for, by what it is about, with examples that can be sent.

Chapter     what is about one thing: "vpcs"
Call        one method of one address, with what it takes and what it answers
Shape       an object that is sent or answered; calls name it, and its fields stand there once
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

Schema = Mapping[str, Any]

#: drf-spectacular puts the choices under the words; here they stand beside the type.
CHOICES = re.compile(r"\n*^\* `.*", re.DOTALL | re.MULTILINE)
PLACES = {"path": "in the address", "query": "in the query", "header": "as a header"}
TYPES = {"integer": "number", "number": "number", "boolean": "true or false", "object": "object", "string": "text"}
FORMATS = {"uuid": "id", "uri": "address", "date-time": "time"}
EXAMPLES = {"integer": 1, "number": 1, "boolean": True, "object": {}, "string": "text"}


@dataclass(frozen=True)
class Type:
    """What a value may be. `shape` is the name of the object that it is, or is a list of."""

    words: str
    shape: str = ""
    choices: Sequence[str] = ()


@dataclass(frozen=True)
class Field:
    name: str
    type: Type
    about: SafeString
    is_required: bool
    place: str = ""

    @property
    def is_said(self) -> bool:
        """It has a place in the form in which one tries a call: headers stand there once for all."""
        return self.place in (PLACES["path"], PLACES["query"])


@dataclass(frozen=True)
class Answer:
    code: str
    about: SafeString
    type: Type | None

    @property
    def is_refusal(self) -> bool:
        return self.code >= "400"


@dataclass(frozen=True)
class Call:
    id: str
    method: str
    path: str
    title: str
    about: SafeString
    takes: Sequence[Field]
    body: Type | None
    example: str
    answers: Sequence[Answer]

    @property
    def tone(self) -> str:
        return {"GET": "woad", "POST": "sage", "PATCH": "weld", "PUT": "weld", "DELETE": "madder"}[self.method]

    @property
    def said(self) -> Sequence[Field]:
        return [field for field in self.takes if field.is_said]

    @property
    def results(self) -> Sequence[Answer]:
        return [answer for answer in self.answers if not answer.is_refusal]

    @property
    def refusals(self) -> Sequence[Answer]:
        return [answer for answer in self.answers if answer.is_refusal]

    @property
    def curl(self) -> str:
        """A command for a shell that has $WEFT and $TOKEN, and $ID where the address has an id."""
        lines = [f"curl -s -X {self.method}" if self.method != "GET" else "curl -s"]
        lines[0] += f' "$WEFT{re.sub(r"{.*?}", "$ID", self.path.removeprefix("/api/v1"))}"'
        lines.append('-H "Authorization: Bearer $TOKEN"')
        if self.example:
            quoted = self.example.replace("'", "'\\''")
            lines += ['-H "Content-Type: application/json"', f"-d '{quoted}'"]
        return " \\\n  ".join(lines)


@dataclass(frozen=True)
class Chapter:
    name: str
    calls: Sequence[Call]

    @property
    def title(self) -> str:
        return "VPCs" if self.name == "vpcs" else self.name.capitalize()


@dataclass(frozen=True)
class Shape:
    name: str
    about: SafeString
    fields: Sequence[Field]


class Manual:
    """All of it, from an OpenAPI document."""

    def __init__(self, document: Schema) -> None:
        self._components: Schema = document["components"]
        calls = sorted(self._calls(document["paths"]), key=lambda each: each[0])
        self.chapters = [Chapter(tag, [call for _, call in group]) for tag, group in groupby(calls, lambda one: one[0])]
        self.shapes = [
            Shape(name, _words(schema), self._fields(schema))
            for name, schema in self._components["schemas"].items()
            if "properties" in schema
        ]
        self.refusals = sorted(
            {refusal.code: refusal for _, call in calls for refusal in call.refusals}.values(), key=lambda one: one.code
        )

    def _calls(self, paths: Schema) -> Iterator[tuple[str, Call]]:
        for path, methods in paths.items():
            for method, told in methods.items():
                body = told.get("requestBody", {}).get("content", {}).get("application/json")
                call = Call(
                    id=told["operationId"].replace("_", "-"),
                    method=method.upper(),
                    path=path,
                    title=told["summary"],
                    about=_words(told),
                    takes=[self._parameter(each) for each in told.get("parameters", ())],
                    body=self._type(body["schema"]) if body else None,
                    example=json.dumps(self._example(body), indent=2) if body else "",
                    answers=[self._answer(code, answer) for code, answer in told["responses"].items()],
                )
                yield told["tags"][0], call

    def _parameter(self, told: Schema) -> Field:
        is_required = bool(told.get("required"))
        return Field(told["name"], self._type(told["schema"]), _words(told), is_required, PLACES[told["in"]])

    def _answer(self, code: str, told: Schema) -> Answer:
        _, told = self._named(told)
        schema = next((each.get("schema") for each in told.get("content", {}).values()), None)
        return Answer(code, _words(told), self._type(schema) if schema else None)

    def _fields(self, schema: Schema) -> list[Field]:
        required = schema.get("required", ())
        return [
            Field(name, self._type(told), _words(told), name in required) for name, told in schema["properties"].items()
        ]

    def _named(self, schema: Schema) -> tuple[str, Schema]:
        """What a schema or a response refers to, with its name; itself, without one, when it refers to nothing."""
        refers = schema if "$ref" in schema else next(iter(schema.get("allOf", schema.get("oneOf", ()))), {})
        if "$ref" not in refers:
            return "", schema
        kind, name = refers["$ref"].split("/")[-2:]
        return name, self._components[kind][name]

    def _type(self, schema: Schema) -> Type:
        name, meant = self._named(schema)
        or_null = " or null" * bool(schema.get("nullable"))
        if "items" in meant:
            inner = self._type(meant["items"])
            return Type(f"list of {inner.words}{or_null}", inner.shape, inner.choices)
        if "properties" in meant:
            return Type(f"{name or 'object'}{or_null}", name)
        words = FORMATS.get(meant.get("format", ""), TYPES.get(meant.get("type", ""), "anything"))
        return Type(words + or_null, choices=[str(choice) for choice in meant.get("enum", ()) if choice])

    def _example(self, body: Schema) -> Any:
        for example in body.get("examples", {}).values():
            return example["value"]
        return self._value(body["schema"])

    def _value(self, schema: Schema) -> Any:
        _, meant = self._named(schema)
        for known in (schema, meant):
            for word in ("example", "default"):
                if word in known:
                    return known[word]
        if "properties" in meant:
            wanted = meant.get("required") or meant["properties"]
            return {name: self._value(told) for name, told in meant["properties"].items() if name in wanted}
        if "items" in meant:
            return [self._value(meant["items"])]
        return next(iter(meant.get("enum", ())), EXAMPLES.get(meant.get("type", "")))


def _words(told: Schema) -> SafeString:
    """Its description, with what stands in backticks as code."""
    parts = CHOICES.sub("", told.get("description") or "").split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )
