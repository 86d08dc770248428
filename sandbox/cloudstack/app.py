"""The management server: takes a request, finds out who asks for what, runs it, answers (cloudstack-api.md 1 and 2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import httpx

from sandbox.cloudstack import chores, enforcement
from sandbox.cloudstack.calls import sessions
from sandbox.cloudstack.calls.access import Caller, check_role, identify
from sandbox.cloudstack.calls.call import CHECKERS, CREATORS, HANDLERS, UNDOERS, Call
from sandbox.cloudstack.calls.jobs import PENDING, Jobs, instance_type
from sandbox.cloudstack.calls.parameters import arguments
from sandbox.cloudstack.inhabitants import Inhabitants
from sandbox.cloudstack.orders import Orders
from sandbox.cloudstack.plugin.controller import Provider
from sandbox.cloudstack.plugin.netris_plugin import NetrisPlugin
from sandbox.cloudstack.protocol import wire
from sandbox.cloudstack.protocol.catalogue import CATALOGUE, Command
from sandbox.cloudstack.protocol.errors import (
    NEUTRAL_TEXT,
    ApiError,
    BadRequest,
    InternalError,
    InvalidValue,
    ServerStoppedError,
    WrongMethod,
)
from sandbox.cloudstack.protocol.throttling import Throttle
from sandbox.cloudstack.resources import KINDS_MADE, load
from sandbox.cloudstack.resources.zone import configuration, providers
from sandbox.cloudstack.seed import refresh, seed
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.clock import Clock
from sandbox.kit.control import PREFIX, Control
from sandbox.kit.faults import Faults, HeldBack, Kind
from sandbox.kit.http import ReplyLost, Request, Response
from sandbox.kit.pace import CLOUDSTACK, Pace
from sandbox.kit.store import Row, Store
from sandbox.site import REFERENCE, Site

log = logging.getLogger(__name__)

PATH = "/client/api"
METHODS = ("GET", "HEAD", "POST")  # a servlet refuses the others itself, without an envelope (unverified)
BARE = ("login", "logout")  # these need no key and no session
Answer = tuple[str, Any, list[tuple[str, str]]]

load()


class CloudStack:
    """`netris` is a client whose base URL is the controller's. `job_seconds` is how long building a VPC takes."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        netris: httpx.Client,
        netris_login: tuple[str, str],
        keys: tuple[str, str],
        password: str = "password",
        site: Site = REFERENCE,
        job_seconds: float = 0.0,
        resume_jobs: bool = False,
    ) -> None:
        self.cloud = Cloud(store, clock, site)
        commands = CATALOGUE.values()
        self.faults = Faults([*CATALOGUE, *BARE], [command.name for command in commands if command.is_async])
        self.pace = Pace(CLOUDSTACK, [command.name for command in commands if command.is_list])
        self.inhabitants = Inhabitants(self)
        self.control: Control = Orders(
            self.cloud,
            self.faults,
            self.pace,
            restart=self.restart,
            reconnect=self.connect,
            inhabitants=self.inhabitants,
        )
        self.held_back = HeldBack(clock, self._serve)
        self.runs_jobs_itself = True  # until somebody ticks: see World.serve
        user, netris_password = netris_login
        provider = Provider(
            str(netris.base_url), user, netris_password, site.fabric.name, site.fabric.tenant, site.zone.netris_tag
        )
        self.cloud.plugin = NetrisPlugin(netris, provider)
        self.jobs = Jobs(self.cloud, job_seconds)
        is_new = store["account"].find(name="system") is None
        source = Random(f"zone {site.seed}") if is_new and site.seed is not None else self.cloud.random
        with store.lock, store.in_one_go(), self.cloud.drawing_from(source):
            if is_new:
                seed(self.cloud, keys=keys, password=password, provider=provider)
            refresh(self.cloud, keys=keys, provider=provider)
            self._begin(resume_jobs=resume_jobs)

    def _begin(self, *, resume_jobs: bool) -> None:
        """What a management server finds of the one before it: no session, and half-done things put right (2.2)."""
        for session in self.cloud.table("session"):
            self.cloud.table("session").drop(session["id"])
        self.cloud.throttle = Throttle(
            self.cloud.clock,
            is_on=configuration.value(self.cloud, "api.throttling.enabled") == "true",
            seconds=configuration.number(self.cloud, "api.throttling.interval"),
            most=configuration.number(self.cloud, "api.throttling.max"),
        )
        chores.settle_after_restart(self.cloud)
        self.jobs.recover(resume=resume_jobs)

    def connect(self) -> None:
        """Log in to Netris and push the zone's public ranges: what a (re)started management server does."""
        with self.cloud.lock, suppress(ServerStoppedError):  # by a restart, which connects as well
            providers.connect(self.cloud)

    def restart(self) -> None:
        """End in the midst of everything and start anew. Threads that wait for Netris find out when they come back."""
        with self.cloud.lock:
            plugin = self.cloud.plugin
            plugin.stop()
            self.cloud.plugin = NetrisPlugin(plugin.client, plugin.provider)
            self._begin(resume_jobs=False)
        self.connect()

    def handle(self, request: Request) -> Response:
        if request.path.startswith(PREFIX):
            return self.control.handle(request)
        self.held_back.let_go()
        name = wire.parameters(request).get("command", "")
        self.faults.meet(name)
        if late := self.faults.strikes(Kind.LATE, name):
            self.held_back.hold(request, late.seconds)
            raise ReplyLost(name)
        return self._serve(request)

    def _serve(self, request: Request) -> Response:
        sent = wire.parameters(request)
        name = sent.get("command", "")
        if request.path != PATH:
            return Response(404, b"not found", (("Content-Type", "text/plain"),))
        if request.method not in METHODS:
            return Response(405, b"method not allowed", (("Content-Type", "text/plain"), ("Allow", ", ".join(METHODS))))
        if self.runs_jobs_itself:
            self.run_due_jobs()
        try:
            response, listed = self._answer(request, sent, name)
        except ServerStoppedError:
            raise ReplyLost(name) from None
        self.pace.wait(name, listed)
        if response.status == 200 and self.faults.strikes(Kind.LOSE_REPLY, name):
            raise ReplyLost(name)
        return response

    # requests

    def _answer(self, request: Request, sent: dict[str, str], name: str) -> tuple[Response, int]:
        """The answer, and how many objects it lists."""
        as_json = sent.get("response", "").lower() == "json"
        try:
            with self.cloud.lock:
                envelope, body, headers = self._run(request, sent, name)
        except WrongMethod as error:
            return Response(error.status, error.text.encode(), (("Content-Type", "text/plain"),)), 0
        except ApiError as error:
            return self._refusal(error, name, as_json=as_json), 0
        listed = len(body.get(CATALOGUE[name].key, ())) if name in CATALOGUE and CATALOGUE[name].is_list else 0
        return wire.answer(200, envelope, body, *headers, as_json=as_json), listed

    def _run(self, request: Request, sent: dict[str, str], name: str) -> Answer:
        given = {key.lower(): value for key, value in sent.items()}
        self.control.calls[name if name in CATALOGUE or name in BARE else "unknown"] += 1
        if name in BARE:
            self._refuse_if_ordered(name)
        if name == "login":
            body, cookies = sessions.login(self.cloud, request, given)
            return "loginresponse", body, cookies
        if name == "logout":
            return "logoutresponse", sessions.logout(self.cloud, request), []
        session = None if given.get("apikey") else sessions.session_of(self.cloud, request)
        enforcement.check(self.cloud, request, name, given, is_signed=session is None)
        if session is None:
            caller = identify(self.cloud, sent)
        else:
            caller = sessions.caller_in(self.cloud, session, given)
            if not name:
                raise BadRequest("no command sent")
            check_role(caller, CATALOGUE.get(name), name)
        self.cloud.throttle.count(caller.account, is_root=caller.is_root)
        command = CATALOGUE[name]
        with self._masked(caller):
            self._refuse_if_ordered(name)
            return command.envelope, self._execute(command, caller, sent), []

    def _refuse_if_ordered(self, name: str) -> None:
        if fault := self.faults.strikes(Kind.REFUSE, name):
            raise InternalError(fault.text or NEUTRAL_TEXT)

    def _execute(self, command: Command, caller: Caller, sent: dict[str, str]) -> Any:
        call = Call(self.cloud, command, caller, arguments(self.cloud, command, sent, caller))
        if not command.is_async:
            try:
                body = HANDLERS[command.name](call)
            except ApiError as error:
                self._note(call, "Completed", error)
                raise
            self._note(call, "Completed")
            return body
        kept = {
            name: value for name, value in sent.items() if name.lower() not in ("signature", "apikey", "sessionkey")
        }
        if (check := CHECKERS.get(command.name)) is not None:
            check(call)
        if command.kind == "async-create":
            kind, row = KINDS_MADE[command.name], CREATORS[command.name](call)
            call.row = row
            job = self.jobs.start(call, kept, kind=kind, row=row)
            answer = {"id": row["id"], "jobid": job["id"]}
        else:
            kind, row = _subject(call)
            job = self.jobs.start(call, kept, kind=kind, row=row)
            answer = {"jobid": job["id"]}
        call.job = job
        scheduled = self._note(call, "Scheduled")
        if scheduled is not None:
            self.cloud.change("job", job, eventid=scheduled["id"])
        return answer

    @contextmanager
    def _masked(self, caller: Caller) -> Iterator[None]:
        """Callers other than root get a neutral text for what went wrong inside (2.1)."""
        try:
            yield
        except ApiError as error:
            if error.is_masked and not caller.is_root:
                error.text = NEUTRAL_TEXT
            raise
        except Exception as mistake:
            log.exception("a command failed")
            raise InternalError(str(mistake) if caller.is_root else NEUTRAL_TEXT) from mistake

    @staticmethod
    def _refusal(error: ApiError, name: str, *, as_json: bool) -> Response:
        command = CATALOGUE.get(name)
        envelope = command.envelope if command else "errorresponse"
        if name in BARE:
            envelope = f"{name}response"
        if error.status == 432:
            envelope = "errorresponse"
        if error.status == 401 and not name:
            envelope = "null"  # a Java null, as text
        body: Row = {"uuidList": [{"uuid": identifier, "description": text} for identifier, text in error.uuids]}
        body["errorcode"] = error.status
        if error.class_number is not None:
            body["cserrorcode"] = error.class_number
        body["errortext"] = error.text
        described = " ".join(error.text.encode("ascii", "replace").decode().split())[:1000]
        headers = [] if error.status == 401 else [("X-Description", described)]
        return wire.answer(error.status, envelope, body, *headers, as_json=as_json)

    # jobs

    def run_due_jobs(self) -> None:
        """Run everything whose time has come, in the caller's thread."""
        while True:
            with self.cloud.lock:
                jobs = list(self.jobs.claim_due())
            self.look_round()
            for job in jobs:
                self.run_job(job)
            if not jobs:
                return

    def look_round(self) -> None:
        """Do the chores that are due."""
        with self.cloud.lock, suppress(ServerStoppedError):
            chores.run(self.cloud, self.jobs)
        self.inhabitants.settle()

    def run_job(self, job: Row) -> None:
        """A job that a restart has lost is left alone, before its turn and in the middle of it."""
        with self.cloud.lock, suppress(ServerStoppedError):
            if job["status"] != PENDING:
                return
            user = self.cloud.table("user").get(job["userid"])
            if user is None:
                self.jobs.finish(job, error=InvalidValue("The user of the job is gone"))
                return
            call = Call(self.cloud, CATALOGUE[job["command"]], Caller.of(self.cloud, user), {})
            call.job = job
            call.row = self.cloud.table(job["instancekind"]).get(job["instanceid"]) or {}
            result, failure = None, None
            self._note(call, "Started")
            try:
                result = self._work(call, job)
            except ApiError as error:
                failure = error
            except Exception as mistake:
                log.exception("the job of %s failed", job["command"])
                failure = InternalError(str(mistake))
            self._note(call, "Completed", failure)
            self.jobs.finish(job, result, failure)

    def _work(self, call: Call, job: Row) -> Any:
        if call.command.kind == "async-create" and not call.row:
            raise InvalidValue(f"Unable to find {job['instancekind']} with id {job['instanceid']}")
        call.arguments = arguments(self.cloud, call.command, job["sent"], call.caller)
        if fault := self.faults.strikes(Kind.FAIL_JOB, call.command.name):
            if undo := UNDOERS.get(call.command.name):
                undo(call)
            raise InternalError(fault.text or NEUTRAL_TEXT)
        return HANDLERS[call.command.name](call)

    def _note(self, call: Call, state: str, error: ApiError | None = None) -> Row | None:
        """Write the event of a command: one when it is over, three when it has a job."""
        command = call.command
        if not command.event:
            return None
        text = {
            "Scheduled": f"{command.words}",
            "Started": f"starting {command.words}",
            "Completed": f"Successfully completed {command.words}",
        }[state]
        if error is not None:
            text = f"Error while {command.words}"
        subject = call.row or _subject(call)[1] or {}
        more = {"resourceid": subject.get("id"), "resourcename": subject.get("name")}
        if call.job and call.job["instancekind"]:
            more["resourcetype"] = instance_type(call.job["instancekind"])
        return self.cloud.event(
            command.event,
            text,
            user=call.caller.user,
            state=state,
            level="ERROR" if error else "INFO",
            parent=(call.job or {}).get("eventid", ""),
            accountid=subject.get("accountid"),
            **{name: value for name, value in more.items() if value},
        )


def _subject(call: Call) -> tuple[str, Row | None]:
    """The object that an asynchronous command is about: what its `id` names."""
    parameter = call.command.parameters.get("id")
    row = call.get("id")
    return (parameter.kind, row) if parameter is not None and parameter.kind and row is not None else ("", None)
