"""What the setting `enforce.post.requests.and.timestamps` asks of requests (cloudstack-api.md 1.2)."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.errors import BadRequest, Unauthorized
from sandbox.cloudstack.resources.zone import configuration
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.http import Request

SETTING = "enforce.post.requests.and.timestamps"
LONGEST_SECONDS = 15 * 60
_READ_ONLY = ("get", "list", "query", "find")
_READ_ONLY_NAMES = {
    *("isAccountAllowedToCreateOfferingsWithTags", "readyForShutdown", "cloudianIsEnabled", "quotaBalance"),
    *("quotaSummary", "quotaTariffList", "quotaIsEnabled", "quotaStatement", "verifyOAuthCodeAndGetUser"),
}


def check(cloud: Cloud, request: Request, name: str, given: Mapping[str, str], *, is_signed: bool) -> None:
    """Changes come by POST, and signatures expire within 15 minutes. The texts are plain words (unverified)."""
    if configuration.value(cloud, SETTING) != "true":
        return
    if request.method != "POST" and not name.startswith(_READ_ONLY) and name not in _READ_ONLY_NAMES:
        raise BadRequest(f"State changing command {name} requires a POST request")
    expires = wire.expiry(given.get("expires", "")) if given.get("signatureversion") == "3" else None
    if is_signed and (expires is None or expires > cloud.clock.now() + LONGEST_SECONDS):
        raise Unauthorized("unable to verify user credentials and/or request signature")
