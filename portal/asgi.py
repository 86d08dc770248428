"""What the web server runs: live updates and the probes before Django, everything else in it.

All of it stands behind the intake, which reads and judges what comes in.

Probes are answered outside because they know neither the host name nor TLS, and because a database that is away must
not keep Django's middleware from saying so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django = get_asgi_application()  # loads the apps, which the imports below need

from apps.health import looks  # noqa: E402
from apps.health.models import Kind  # noqa: E402
from apps.health.pulse import Pulse  # noqa: E402
from apps.kernel.intake import Intake  # noqa: E402
from portal import events, startup  # noqa: E402

startup.check()
from portal.passes import PREFIX  # noqa: E402

PROBES = {"/healthz": looks.all_is_well, "/readyz": looks.is_ready}


async def dispatch(scope: events.Scope, receive: events.Receive, send: events.Send) -> None:
    path = scope.get("path", "")
    if scope["type"] == "http" and path.startswith(PREFIX):
        await events.serve(scope, receive, send)
    elif scope["type"] == "http" and path in PROBES:
        await _answer(send, PROBES[path])
    elif scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        await django(scope, receive, send)  # type: ignore[arg-type]


application = Intake(dispatch)


async def _answer(send: events.Send, probe: Callable[[], tuple[int, looks.Report]]) -> None:
    status, report = await asyncio.to_thread(probe)
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(report).encode()})


async def _live(receive: events.Receive, send: events.Send) -> None:
    """From the server's start to its end in order."""
    await receive()
    async with _ticking():
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


@contextlib.asynccontextmanager
async def _ticking() -> AsyncIterator[None]:
    pulse = Pulse(Kind.WEB)

    async def tick() -> None:
        while True:
            pulse.tick()
            await asyncio.sleep(1)

    ticking = asyncio.create_task(tick())
    yield
    ticking.cancel()
    await asyncio.to_thread(pulse.end)
