"""Templates are indented, what is sent is not."""

from __future__ import annotations

import pytest
from django.template import engines
from django.test import Client

from apps.tenancy.models import Tenant
from tests import builders

pytestmark = pytest.mark.django_db


def test_no_line_of_a_page_or_a_part_begins_with_blanks(client: Client, acme: Tenant) -> None:
    builders.a_vpc(acme, builders.a_zone())
    client.force_login(builders.a_member(acme))
    for headers in ({}, {"HX-Request": "true"}):
        lines = client.get(f"/t/{acme.slug}/vpcs/", headers=headers).content.decode().splitlines()
        assert [line for line in lines if line.startswith((" ", "\t"))] == []


def test_the_blanks_of_a_value_stay() -> None:
    template = engines["django"].get_template("api/_fields.html").template  # type: ignore[attr-defined]
    assert not any(line.startswith(" ") for line in template.source.splitlines())
    code = engines["django"].from_string('{% load weft %}{% code "curl" %}{{ words }}{% endcode %}')
    assert "curl \\\n    -d x" in code.render({"words": "curl \\\n    -d x"})


def test_what_is_to_be_copied_is_escaped_once() -> None:
    code = engines["django"].from_string('{% load weft %}{% code "curl" %}{{ words }}{% endcode %}')
    assert ">&lt;b&gt; &amp;&amp; true</code>" in code.render({"words": "<b> && true"})
