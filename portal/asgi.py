"""What the web server runs: live updates and the health check before Django, everything else in it.

All of it stands behind the intake, which reads and judges what comes in.

The health check stands outside because a probe knows neither the host name nor TLS, and because a database that is
away must not keep Django's middleware from saying so.
"""

from __future__ import annotations

import asyncio
import json
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django = get_asgi_application()  # loads the apps, which the imports below need

from apps.kernel.intake import Intake  # noqa: E402
from portal import events, health, startup  # noqa: E402

startup.check()
from portal.passes import PREFIX  # noqa: E402


async def dispatch(scope: events.Scope, receive: events.Receive, send: events.Send) -> None:
    path = scope.get("path", "")
    if scope["type"] == "http" and path.startswith(PREFIX):
        await events.serve(scope, receive, send)
    elif scope["type"] == "http" and path == "/healthz":
        await _healthz(send)
    else:
        await django(scope, receive, send)  # type: ignore[arg-type]


application = Intake(dispatch)


async def _healthz(send: events.Send) -> None:
    status, report = await asyncio.to_thread(health.answer)
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(report).encode()})
