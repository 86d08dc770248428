"""The world that tests live in: two tenants, of whom one must never see the other, and the two emulated systems."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone
from pydantic import SecretStr

from apps import cloudstack
from apps.accounts.models import Account
from apps.accounts.services import open_account
from apps.history import store
from apps.kernel import clock as clock_of_database
from apps.mirror.models import Kind, Reading
from apps.mirror.services import refresh
from apps.operations import engine
from apps.operations.models import Operation
from apps.tenancy.models import Tenant, User
from apps.zones.clouds import Clouds, OpenClouds, connect, hooks_for
from apps.zones.models import Zone
from tests import branches, builders, migrated, thrift

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

    from sandbox.world import World

KEYS = ("api-key-of-the-test", "secret-key-of-the-test")
LOGIN = ("weft", "password-of-the-test")
#: When it is, where time stands still.
DAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

#: A test moves its own clock, and the database's follows.
clock_of_database.source = timezone.now
thrift.install()


def own_redis_database() -> str:
    """Test processes side by side share one Valkey; each has a database of it. What one of them caches or forgets is
    none of the others' business, whose zones have the same ids at the same time."""
    worker_id = os.environ.get("PYTEST_XDIST_WORKER", "")
    number = int(worker_id.removeprefix("gw")) % 16 if worker_id.startswith("gw") else 0
    url: str = django_settings.REDIS_URL.split("?")[0]
    return f"{url}?db={number}" if url.startswith("unix:") else url


django_settings.REDIS_URL = own_redis_database()
django_settings.CACHES["default"]["LOCATION"] = django_settings.REDIS_URL
#: Of the whole process: what modules share has users as well. A real one takes a quarter of a second, on purpose.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

Run = Callable[[Operation], Operation]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--clients", action="store_true", help="also run clients that are downloaded for the test (Ansible)"
    )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        migrated.drop(migrated.NAME)  # what a run left behind that was killed


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        migrated.drop(migrated.NAME)


def pytest_collection_finish() -> None:
    """All modules and thousands of tests are there to stay: no collection of what tests leave has to go over them."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A copy of the process that comes out of a test has failed: it tells how, and goes no further."""
    try:
        result = yield
    except BaseException:
        if branches.is_copy():
            branches.end(str(pyfuncitem.repr_failure(pytest.ExceptionInfo.from_current())))
        raise
    if branches.is_copy():
        branches.end("a copy of the process has left its test")
    return result


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated.template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """The partitions of readings are there for the day that tests live in and for today: a test that made its own would
    create dozens of tables, and take them back."""
    with django_db_blocker.unblock():
        for now in (DAY, datetime.now(UTC)):
            store.make_ahead(now)


@pytest.fixture
def acme(db: None) -> Tenant:
    return builders.a_tenant("Acme")


@pytest.fixture
def globex(db: None) -> Tenant:
    return builders.a_tenant("Globex")


@pytest.fixture
def admin(db: None) -> User:
    return builders.a_platform_admin()


@pytest.fixture
def engineer(acme: Tenant) -> User:
    return builders.a_member(acme, username="ann")


@pytest.fixture
def stranger(globex: Tenant) -> User:
    """Somebody of the other tenant."""
    return builders.a_member(globex, username="bob")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still unless a test moves it."""
    with time_machine.travel(DAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(clock: time_machine.Traveller) -> World:
    """CloudStack and Netris in this process, empty but for the reference site."""
    from sandbox.world import World

    return World(cloudstack_keys=KEYS, netris_login=LOGIN, job_seconds=2.0)


@pytest.fixture
def clouds_of(world: World) -> OpenClouds:
    """Opens the clients of a zone on the emulated systems, with the hooks that watch every call."""

    def opened(zone: Zone) -> Clouds:
        return connect(zone, hooks_for(zone), transports=(world.cloudstack_transport(), world.netris_transport()))

    return opened


@pytest.fixture
def zone(db: None, world: World) -> Zone:
    """The zone of the reference site."""
    return zone_of(world)


def zone_of(world: World) -> Zone:
    api_key, secret_key = (SecretStr(key) for key in KEYS)
    transport = world.cloudstack_transport()
    with cloudstack.connect("http://cloudstack.test/client/api", api_key, secret_key, transport=transport) as client:
        remote = client.list_zones()[0]
        vpc_offering = next(o for o in client.list_vpc_offerings() if "NAT Mode" in o.name)
        tier_offering = next(o for o in client.list_network_offerings() if o.name.startswith("DefaultNATNetris"))
    return builders.a_zone(
        remote.name,
        cloudstack_url="http://cloudstack.test/client/api",
        cloudstack_api_key=KEYS[0],
        cloudstack_secret_key=KEYS[1],
        cloudstack_zone_id=remote.id,
        vpc_offering_id=vpc_offering.id,
        tier_offering_id=tier_offering.id,
        netris_url="http://netris.test",
        netris_site="sv",
        netris_user=LOGIN[0],
        netris_password=LOGIN[1],
    )


@pytest.fixture
def sweep(world: World) -> Callable[[], None]:
    return sweep_of(world)


def sweep_of(world: World) -> Callable[[], None]:
    """What the sweeps' own process does: it reads the lists that operations have asked for and that are due."""

    def read() -> None:
        for reading in Reading.objects.due().select_related("zone"):
            transports = (world.cloudstack_transport(), world.netris_transport())
            with closing(connect(reading.zone, hooks_for(reading.zone), transports=transports)) as clouds:
                refresh(reading.zone, Kind(reading.kind), clouds)

    return read


@pytest.fixture
def run(clock: time_machine.Traveller, clouds_of: OpenClouds, sweep: Callable[[], None]) -> Run:
    return runner(clock, clouds_of, sweep)


def runner(clock: time_machine.Traveller, clouds_of: OpenClouds, sweep: Callable[[], None]) -> Run:
    """Work on an operation until nothing moves any more, skipping the time in between. Returns it as it then is."""

    def until_settled(operation: Operation) -> Operation:
        for _ in range(500):
            operation = Operation.unscoped.get(pk=operation.pk)
            if operation.is_settled:
                return operation
            wake_at = max(filter(None, (operation.due_at, operation.lease_until)))
            if wake_at > timezone.now():
                clock.move_to(wake_at + timedelta(milliseconds=1), tick=False)
            sweep()
            engine.turn(clouds_of)
        raise AssertionError(f"{operation} never came to rest: {operation.phase} {operation.steps}")

    return until_settled


@pytest.fixture
def accounts(acme: Tenant, globex: Tenant, zone: Zone, run: Run) -> list[Account]:
    """Both tenants have an account in the zone, made as in real life."""
    for tenant in (acme, globex):
        assert run(open_account(tenant, zone, by=builders.the_platform())).phase == "succeeded"
    return list(Account.unscoped.all())
