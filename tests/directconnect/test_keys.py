"""MD5 keys: given or made, sealed at rest, shown once."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from pydantic import SecretStr

from apps.directconnect.interfaces import services
from apps.directconnect.interfaces.specs import KEY as FORM
from apps.directconnect.interfaces.specs import InterfaceSpec, change_of, made_key
from apps.directconnect.interfaces.wanted import seal, take
from apps.directconnect.models import FabricPort, Interface
from apps.directconnect.stages import Stage
from apps.kernel.errors import Invalid, Refused
from apps.networks.models import Vpc
from apps.operations.models import Operation
from apps.operations.provisioned import Status
from apps.tenancy.models import AuditEntry
from apps.tenancy.services import audit
from house.services import Postgres
from tests import builders, migrated
from tests.api.conftest import Api
from tests.builders import BY

pytestmark = pytest.mark.django_db

KEY = "a-key-of-both-ends"
ASKED = {"name": "main", "vpc": "prod", "peer_asn": 65010}


@pytest.fixture
def row(acme, location, vpc) -> Interface:
    connection = builders.a_connection(acme, location, stage=Stage.IN_SERVICE)
    return builders.an_interface(connection, vpc, md5=SecretStr(KEY), has_md5=True)


def fresh(row: Interface) -> Interface:
    return Interface.unscoped.select_related("tenant", "vpc__zone", "connection__location__zone").get(pk=row.pk)


def shown(row: Interface) -> str:
    return services.reveal_key(fresh(row), by=BY).get_secret_value()


def refusal(row: Interface) -> str:
    with pytest.raises(Refused) as caught:
        shown(row)
    return caught.value.message


def test_a_key_that_is_made_fits_every_router_and_is_another_each_time():
    made = {made_key().get_secret_value() for _ in range(200)}
    assert len(made) == 200
    assert all(FORM.fullmatch(key) and key.isalnum() and len(key) == 24 for key in made)


def test_a_key_is_given_or_made_and_never_both():
    assert InterfaceSpec.parse(ASKED).key.get_secret_value() == ""
    assert InterfaceSpec.parse({**ASKED, "md5": KEY}).key.get_secret_value() == KEY
    assert len(InterfaceSpec.parse({**ASKED, "make_md5": True}).key.get_secret_value()) == 24
    assert len(change_of({"make_md5": True})["md5"].get_secret_value()) == 24
    assert "md5" not in change_of({"make_md5": False, "bfd": True})
    for read in (InterfaceSpec.parse, change_of):
        with pytest.raises(Invalid) as caught:
            read({**ASKED, "md5": KEY, "make_md5": True})
        assert [(each.code, each.field) for each in caught.value.all] == [("key-twice", "make_md5")]
        assert KEY not in str(caught.value)


def test_it_is_shown_once_and_who_looked_is_written_down_without_it(row, acme):
    assert shown(row) == KEY
    assert "happens once" in refusal(row)
    assert fresh(row).md5_shown_at is not None

    entries = AuditEntry.objects.of(acme).filter(action="interface.show-key")
    assert [(entry.actor, entry.object_id) for entry in entries] == [(BY.name, str(row.pk))]
    assert KEY not in str(list(AuditEntry.unscoped.values()))


def test_a_new_key_may_be_shown_once_again(row):
    shown(row)
    take(fresh(row), {"md5": seal(SecretStr("another-key-here"))})
    assert shown(row) == "another-key-here"
    refusal(row)


def test_another_change_does_not_show_it_again(row):
    shown(row)
    take(fresh(row), {"bfd": False})
    refusal(row)


def test_without_a_key_there_is_none_to_show(row):
    take(fresh(row), {"md5": ""})
    assert "has no MD5 key" in refusal(row)


@pytest.mark.parametrize(
    ("status", "may"), [(Status.BUILDING, True), (Status.CHANGING, False), (Status.REMOVING, False)]
)
def test_while_it_is_built_its_key_is_known_and_while_it_changes_which_one_holds_is_not(row, status, may):
    Interface.unscoped.filter(pk=row.pk).update(status=status)
    assert shown(row) == KEY if may else refusal(row)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_one_gets_it(row, monkeypatch):
    begin = threading.Barrier(6)

    def slowly(*told: Any, **options: Any) -> None:
        time.sleep(0.2)
        audit(*told, **options)

    monkeypatch.setattr(services, "audit", slowly)

    def look(_number: int) -> Any:
        seen = fresh(row)
        begin.wait(30)
        try:
            return services.reveal_key(seen, by=BY).get_secret_value()
        except Refused:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(look, range(6)))
    assert sorted(map(str, found)) == ["None"] * 5 + [KEY]
    assert AuditEntry.unscoped.filter(action="interface.show-key").count() == 1


@pytest.mark.django_db(transaction=True)
def test_no_dump_of_the_database_has_it_however_it_is_spelt(row, tmp_path):
    """Keys that are there, were shown, are on their way to Netris, and were sent again with their `Idempotency-Key`."""
    given, told = 'first-"key"-of\\tenants', "a-key-that-is-on-its-way"
    Interface.unscoped.filter(pk=row.pk).update(md5=SecretStr(given))
    assert shown(row) == given
    FabricPort.objects.update(remote_id="7", device_id="3")
    Vpc.unscoped.update(netris_id=7)
    caller = Api(builders.a_token(row.tenant))
    path = f"/direct-connects/{row.connection_id}/interfaces/{row.pk}/"
    assert caller.patch(path, {"md5": told}, Idempotency_Key="one").status_code == 202
    assert "md5" in Operation.unscoped.get().wanted

    database = migrated.url_of(connections["default"].settings_dict["NAME"])
    dump = [Postgres(tmp_path).guise.programs / "pg_dump", "--data-only", database]
    said = subprocess.run(dump, check=True, stdout=subprocess.PIPE).stdout.decode()
    assert str(row.pk) in said and "interface.show-key" in said, "it is of this database"
    for key in (given, told):
        for spelling in spellings(key):
            assert spelling not in said, spelling


def spellings(key: str) -> set[str]:
    """As text, in JSON, in a string of SQL, in COPY, by its bytes."""
    raw = key.encode()
    words = {key, json.dumps(key)[1:-1], json.dumps(json.dumps(key))[1:-1].strip('\\"'), key.replace("\\", "\\\\")}
    hexes = {raw.hex(), raw.hex().upper()}
    # Of base64 what does not depend on where in the text it stands.
    return words | hexes | {base64.b64encode(raw[start:])[:-4].decode() for start in range(3)}


def test_at_rest_it_is_sealed(row):
    shown(row)
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT * FROM directconnect_interface")
        kept = str(cursor.fetchall())
    assert str(row.pk) in kept and KEY not in kept
