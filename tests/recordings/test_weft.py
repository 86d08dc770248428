"""Weft reads of CloudStack what a real one sends, under the names that it sends it by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import AliasChoices

from apps.cloudstack import wire
from apps.kernel.remote import Wire
from tests.recordings.replay import read

READ: dict[str, type[Wire]] = {
    "capability": wire.Capabilities,
    "zone": wire.Zone,
    "domain": wire.Domain,
    "account": wire.Account,
    "vpcoffering": wire.VpcOffering,
    "networkoffering": wire.NetworkOffering,
    "service": wire.Service,
    "provider": wire.Provider,
    "vpc": wire.Vpc,
    "network": wire.Network,
    "publicipaddress": wire.PublicIp,
    "configuration": wire.Setting,
    "networkacllist": wire.AclList,
    "queryasyncjobresultresponse": wire.Job,
}

# Sent where an offering is for some zones alone, of which the recorded one had none.
NOT_RECORDED = {("vpcoffering", "zoneid"), ("networkoffering", "zoneid")}


@pytest.fixture(scope="module")
def sent() -> dict[str, set[str]]:
    """The keys of every object, by the key that holds it or a list of it."""
    found: dict[str, set[str]] = defaultdict(set)
    for step in read():
        if step.answer is not None:
            for name, keys in _objects(step.answer.envelope, step.answer.shape):
                found[name] |= keys
    return found


def _objects(name: str, shape: Any) -> Iterator[tuple[str, set[str]]]:
    if isinstance(shape, dict):
        yield name, set(shape)
        for key, each in shape.items():
            yield from _objects(key, each)
    elif isinstance(shape, list):
        for each in shape:
            yield from _objects(name, each)


def _names(model: type[Wire]) -> Iterator[tuple[str, set[str]]]:
    """The fields of a model, and by what names it reads each."""
    for field, info in model.model_fields.items():
        alias = info.validation_alias
        names = set(map(str, alias.choices)) if isinstance(alias, AliasChoices) else {str(alias or field)}
        yield field, names


@pytest.mark.parametrize("name", READ)
def test_every_field_that_weft_reads_is_one_that_is_sent(name: str, sent: dict[str, set[str]]) -> None:
    unsent = {field for field, names in _names(READ[name]) if not names & sent[name]}

    assert {(name, field) for field in unsent} <= NOT_RECORDED
