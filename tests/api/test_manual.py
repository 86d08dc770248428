"""What people read of the API follows its OpenAPI document: nothing is missing there, and the examples are right."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest

from apps.kernel.api.docs import Call, Manual
from apps.kernel.api.views import description, manual

CALLS = {call.id: call for chapter in Manual(description()).chapters for call in chapter.calls}


def test_every_call_of_the_document_stands_in_it() -> None:
    told = {(method.upper(), path) for path, methods in description()["paths"].items() for method in methods}
    assert {(call.method, call.path) for call in CALLS.values()} == told


def test_every_link_leads_somewhere() -> None:
    drawn = manual()
    assert set(re.findall(r'href="#([^"]+)"', drawn)) <= set(re.findall(r'id="([^"]+)"', drawn))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_example_is_a_command_that_a_shell_can_read(call: Call) -> None:
    words = shlex.split(call.curl)
    assert words[0] == "curl" and "Authorization: Bearer $TOKEN" in words
    address = next(word for word in words if word.startswith("$WEFT/"))
    assert address == "$WEFT" + re.sub(r"{.*?}", "$ID", call.path.removeprefix("/api/v1"))
    assert (words[words.index("-X") + 1] if "-X" in words else "GET") == call.method
    if call.body:
        assert json.loads(words[words.index("-d") + 1]) == json.loads(call.example)


@pytest.mark.parametrize("call", [call for call in CALLS.values() if call.body], ids=lambda call: str(call.id))
def test_an_example_has_what_its_body_must_have(call: Call) -> None:
    assert call.body is not None
    schema: dict[str, Any] = description()["components"]["schemas"][call.body.shape]
    example = json.loads(call.example)
    assert set(schema.get("required", ())) <= set(example) <= set(schema["properties"])


def test_the_choices_of_a_parameter_stand_beside_it_and_not_in_its_words() -> None:
    status = next(field for field in CALLS["vpcs-list"].takes if field.name == "status")
    assert list(status.type.choices) == ["building", "changing", "ready", "removing", "stuck"]
    assert "building" not in status.about
