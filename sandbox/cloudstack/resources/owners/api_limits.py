"""What is left of the caller's calls (cloudstack-api.md 2.3)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import SUCCESS, Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue
from sandbox.kit.store import Row


@handles("getApiLimit")
def get_api_limit(call: Call) -> Row:
    if not call.cloud.throttle.is_on:
        raise InvalidValue("Api throttling is not enabled")
    return {"apilimit": call.cloud.throttle.view(call.caller.account)}


@handles("resetApiLimit")
def reset_api_limit(call: Call) -> Row:
    call.cloud.throttle.reset(call.get("account"))
    return SUCCESS
