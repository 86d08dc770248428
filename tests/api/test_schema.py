"""The API's description: complete, committed, and readable without loosening the content security policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.test import Client

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    made = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(made))
    return made.read_text()


def test_the_committed_description_is_the_current_one(schema):
    committed = (ROOT / "docs" / "openapi.yaml").read_text()

    assert committed == schema, "write it anew with ./weft check --fix"


@pytest.mark.django_db
def test_to_describe_the_api_no_database_is_asked(tmp_path, django_assert_num_queries):
    with django_assert_num_queries(0):
        call_command("spectacular", "--file", str(tmp_path / "openapi.yaml"))


def test_every_operation_says_how_it_refuses_and_who_may_call(schema):
    document = yaml.safe_load(schema)
    responses, schemas = document["components"]["responses"], document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["security"] == [{"token": []}, {"session": [], "tenant": []}], where
            refusals = {code: response for code, response in operation["responses"].items() if code >= "4"}
            assert {"400", "401", "403", "406", "414", "422", "431", "503"} <= set(refusals), where
            assert ("404" in refusals) == ("{id}" in path), where
            assert ("413" in refusals) == (method != "get"), where
            assert ("415" in refusals) == (method in ("post", "put", "patch")), where
            for code, response in refusals.items():
                # Said once for all, but by a route that says more.
                said = responses[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
                assert list(said["content"]) == ["application/problem+json"], (where, code)
                shape = schemas[said["content"]["application/problem+json"]["schema"]["$ref"].rpartition("/")[2]]
                assert schemas["ProblemRead"]["properties"].keys() <= shape["properties"].keys(), (where, code)
                assert said["description"], (where, code)


def test_headers_are_described(schema):
    paths = yaml.safe_load(schema)["paths"]

    def headers_of(operation):
        return {one["name"] for one in operation["parameters"] if one["in"] == "header"}

    vpcs, one = paths["/api/v1/vpcs/"], paths["/api/v1/vpcs/{id}/"]
    assert headers_of(vpcs["post"]) == {"Idempotency-Key"}
    assert set(vpcs["post"]["responses"]["202"]["headers"]) == {"Location", "Idempotency-Replayed"}
    assert headers_of(one["patch"]) == headers_of(one["delete"]) == {"If-Match"}
    assert set(one["get"]["responses"]["200"]["headers"]) == {"ETag"}
    assert {one["name"] for one in vpcs["get"]["parameters"]} == {
        "cursor", "limit", "q", "name", "status", "zone", "tenant",
    }  # fmt: skip


def test_whatever_can_be_sent_has_a_limit(schema):
    """Texts, lists and numbers in bodies; the same limits are enforced, as tests/test_limits.py tries."""
    document = yaml.safe_load(schema)
    components = document["components"]["schemas"]
    looked_at = []

    def look(where, one):
        one = components[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        looked_at.append(where)
        match one["type"]:
            case "boolean":
                pass
            case "string":
                assert "maxLength" in one, where
            case "integer":
                assert {"minimum", "maximum"} <= set(one), where
            case "array":
                assert "maxItems" in one, where
                look(f"{where}[]", one["items"])
            case "object":
                for name, below in one["properties"].items():
                    look(f"{where}.{name}", below)
            case other:
                raise AssertionError(f"{where} is {other}")

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                look(f"{method} {path}", operation["requestBody"]["content"]["application/json"]["schema"])

    assert "post /api/v1/vpcs/.tiers[].cidr" in looked_at


def test_answers_are_what_the_description_says(schema, api, platform, vpc):
    components = yaml.safe_load(schema)["components"]["schemas"]
    api.delete(f"/tiers/{vpc.tiers.get().pk}/")
    for path, name in (
        ("vpcs", "VpcRead"),
        ("tiers", "TierWithAclRead"),
        ("operations", "OperationRead"),
        ("zones", "ZoneRead"),
    ):
        for caller in (api, platform):
            (row,) = caller.get(f"/{path}/").json()["results"]
            described = components[name]
            assert set(described["required"]) <= set(row) <= set(described["properties"]), name
        assert set(row) == set(described["properties"]), name


@pytest.mark.parametrize(("query", "media_type"), [("", "application/vnd.oai.openapi"), ("?format=json", "+json")])
def test_the_description_is_no_secret(db, query, media_type):
    response = Client().get(f"/api/v1/schema/{query}")

    assert response.status_code == 200
    assert media_type in response["Content-Type"]
    assert b"/api/v1/vpcs/" in response.content


def test_the_readable_page_keeps_the_content_security_policy(db):
    response = Client().get("/api/v1/docs/")

    assert response.status_code == 200
    page = response.content.decode()
    assert response["Content-Security-Policy"].startswith("default-src 'self'; script-src 'self'; style-src 'self';")
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)
    assert set(re.findall(r'(?:src|href)="(https?:)?//', page)) == set()
