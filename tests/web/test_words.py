"""One thing has one name, and what needs an explanation leads to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from apps.operations.provisioned import Status
from apps.tenancy.models import User
from apps.zones.models import Zone
from tests import builders

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
#: Other words for a thing that has a name: the field's.
OTHER_NAMES = re.compile(
    r"egress address|address range|address block|public address|asked for by|floating ip|elastic ip\b", re.I
)


def test_no_page_has_a_second_name_for_a_thing() -> None:
    glossary = ROOT / "templates" / "glossary.html"  # which tells what others call them
    sources = [path for path in TEMPLATES if path != glossary]
    sources += [path for path in (ROOT / "apps").rglob("*.py") if "migrations" not in path.parts]
    # What the remotes say, and the names of their lists, are theirs.
    sources = [path for path in sources if not {"netris", "cloudstack", "mirror"} & set(path.parts)]

    found = {(path.name, hit[0]) for path in sources for hit in OTHER_NAMES.finditer(path.read_text())}

    assert found == set()


def test_each_word_that_leads_to_the_glossary_is_explained_there() -> None:
    used = {key for path in TEMPLATES for key in re.findall(r"""\{% term ["']([\w-]+)""", path.read_text())}
    explained = set(re.findall(r'<div id="([\w-]+)">', (ROOT / "templates" / "glossary.html").read_text()))

    assert used <= explained
    assert {"tier", "softgate", "v-net", "vni"} <= used


@pytest.mark.django_db
def test_the_actions_of_a_row_say_what_they_are_about(client: Client, engineer: User, zone: Zone) -> None:
    tenant = engineer.memberships.get().tenant
    builders.an_account(tenant, zone)
    vpc = builders.a_vpc(tenant, zone, "prod", "10.20.0.0/20", Status.READY)
    builders.a_tier(vpc, "web", "10.20.0.0/24", Status.READY)
    client.force_login(engineer)

    page = client.get(f"/t/acme/vpcs/{vpc.pk}/tiers/").content.decode()

    for name in ("Rename tier web", "Delete tier web", "Copy gateway of tier web"):
        assert f'aria-label="{name}"' in page
    # Who types the name may begin at once.
    assert re.search(r"<input[^>]*autofocus", client.get(f"/t/acme/vpcs/{vpc.pk}/delete/").content.decode())
