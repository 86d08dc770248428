"""Logging in as the stock UI does: a cookie and a session key (cloudstack-api.md 1.3)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from sandbox.cloudstack.calls.access import SESSION_SECONDS, Caller, hashed, is_enabled
from sandbox.cloudstack.protocol.errors import LoginFailed, Unauthorized, WrongMethod
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.http import Request
from sandbox.kit.store import Row

Header = tuple[str, str]


def session_of(cloud: Cloud, request: Request) -> Row | None:
    """The live session that the request's cookie names."""
    session = cloud.table("session").get(_cookies(request).get("JSESSIONID", ""))
    if session is None:
        return None
    if cloud.clock.now() - session["last_used"] > SESSION_SECONDS:
        cloud.table("session").drop(session["id"])
        return None
    return session


def caller_in(cloud: Cloud, session: Row, given: Mapping[str, str]) -> Caller:
    """Who the session belongs to. Its key must come as a parameter as well; a wrong one ends the session."""
    user = cloud.table("user").get(session["userid"])
    if user is None or not is_enabled(cloud, user) or given.get("sessionkey") != session["sessionkey"]:
        cloud.table("session").drop(session["id"])
        raise Unauthorized("unable to verify user credentials")
    cloud.change("session", session, last_used=cloud.clock.now())
    return Caller.of(cloud, user)


def login(cloud: Cloud, request: Request, given: Mapping[str, str]) -> tuple[Row, list[Header]]:
    if request.method != "POST":
        raise WrongMethod("Please use HTTP POST to authenticate using this API")
    user = _user(cloud, given)
    caller = Caller.of(cloud, user)
    session = {
        "id": secrets.token_hex(16).upper(),
        "sessionkey": secrets.token_urlsafe(20),
        "userid": user["id"],
        "last_used": cloud.clock.now(),
    }
    cloud.table("session").put(session)
    cloud.event("USER.LOGIN", "user has logged in from IP Address 127.0.0.1", user=user, state="Completed")
    body = {
        "username": user["username"],
        "userid": user["id"],
        "domainid": caller.domain["id"],
        "timeout": SESSION_SECONDS,
        "account": caller.account["name"],
        "firstname": user["firstname"],
        "lastname": user["lastname"],
        "type": str(caller.account["accounttype"]),
        "timezone": user.get("timezone", "UTC"),
        "timezoneoffset": "0.0",
        "registered": "false",
        "sessionkey": session["sessionkey"],
        "is2faenabled": "false",
        "is2faverified": "true",
        "providerfor2fa": "",
        "issuerfor2fa": "CloudStack",
    }
    if caller.is_root:
        body["managementserverid"] = next(iter(cloud.table("managementserver").rows.values()))["id"]
    flags = "Path=/client; SameSite=Lax"
    cookies = [
        ("Set-Cookie", f"JSESSIONID={session['id']}; {flags}"),
        ("Set-Cookie", f"sessionkey={session['sessionkey']}; {flags}; HttpOnly"),
    ]
    return body, cookies


def logout(cloud: Cloud, request: Request) -> Row:
    if (session := session_of(cloud, request)) is not None:
        cloud.table("session").drop(session["id"])
    return {"description": "success"}


def _user(cloud: Cloud, given: Mapping[str, str]) -> Row:
    path = "/".join(["ROOT", *(part for part in given.get("domain", "").split("/") if part and part != "ROOT")])
    for user in cloud.table("user").by("username", given.get("username", "")):
        domain = cloud.get("domain", user["domainid"])
        if given.get("domainid") not in (None, "", domain["id"]) or (
            not given.get("domainid") and domain["path"] != path
        ):
            continue
        if user.get("password") == hashed(given.get("password", "")) and is_enabled(cloud, user):
            return user
    raise LoginFailed("Failed to authenticate user; please provide valid credentials")


def _cookies(request: Request) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(request.headers.get("cookie", "")).items()}
    except CookieError:
        return {}
