"""Ordering things of the two services, and looking at what they hold."""

import json
import time
from contextlib import contextmanager

from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from tests.sandbox.cloudstack.client import client_of
from tests.sandbox.controller import operator_of

SIDES = ("cloudstack", "netris")


def http_of(world, side):
    return client_of(world) if side == "cloudstack" else operator_of(world)


def order(http, path, **body):
    response = http.post(f"/_sandbox/{path}", json=body)
    assert response.is_success, response.text
    return response.json()


def stored(world, side):
    """Every row of a service, but for its counters and chores."""
    store = (world.cloudstack.cloud if side == "cloudstack" else world.netris.net).store
    with store.lock:
        return json.dumps({table.name: list(table.rows.values()) for table in store.tables if table.name != "fact"})


def data(netris, path):
    return netris.get(path).json()["data"]


def timed(ask):
    started = time.monotonic()
    ask()
    return time.monotonic() - started


def plain_lists():
    """The list commands that nothing must be said to."""
    for command in CATALOGUE.values():
        if command.is_list and not any(parameter.is_required for parameter in command.parameters.values()):
            yield command.name


@contextmanager
def at_the_call(world, method, path, then):
    """Once, just before the plugin's call reaches Netris."""
    client, waiting = world.cloudstack.cloud.plugin.client, [then]

    def listen(request):
        if (request.method, request.url.path) == (method, path) and waiting:
            waiting.pop()()

    client.event_hooks = {"request": [listen]}
    yield
    client.event_hooks = {}
    assert not waiting


@contextmanager
def after_each_change(world, look):
    """What somebody sees before, and after each call of the plugin that changes something on Netris."""
    client, seen = world.cloudstack.cloud.plugin.client, [look()]

    def listen(response):
        if response.request.method != "GET":
            seen.append(look())

    client.event_hooks = {"response": [listen]}
    yield seen
    client.event_hooks = {}
