"""CloudStack's commands, one method each.

A method answers with our types, with None for "there is no such thing", or raises `Unavailable` or `Rejected`. Commands
that start a job return its id at once and never poll. Reads are tried a second time when the connection breaks; writes
never are, because only the caller can find out whether a lost one has happened.

What an answer's error code becomes (`errorcode` stands in the body and equals the HTTP status):

    401        Unauthorized   bad key or signature, expired request, disabled account. A person mends the credentials;
                              meanwhile work must wait and not be undone. (It also means "unknown command" for a key.)
    429        Unavailable    the rate limit was hit; nothing happened
    503        Unavailable    the management server is going down for maintenance and refuses jobs; nothing happened
    530        Unavailable    on a read; on a write only if it lost a race ("concurrent", "unable to acquire lock", or
                              cserrorcode 4300), and then parts of it may have happened
    530        Rejected       on any other write: "failed to ..." does not get better by asking again
    533, 534   Rejected       no capacity, backend did not apply the change: a person has to act first, and the tenant
                              should rather see the reason than a clock
    431        nothing        on a read, if what it was asked about does not exist: None, or an empty list
    others     Rejected       400, 405, 430, 431, 432, 511, 531, 532, 535, 536, 537
    no body    Unavailable    an answer that is no CloudStack JSON comes from something in between, whatever its status
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr, ValidationError

from apps.cloudstack.auth import LIFETIME, KeyAuth, machine_time
from apps.cloudstack.wire import (
    Account,
    AclList,
    Capabilities,
    Domain,
    Entity,
    GuestVlan,
    Host,
    IpRange,
    Job,
    JobStatus,
    Network,
    NetworkOffering,
    PhysicalNetwork,
    PublicIp,
    ResourceType,
    Router,
    Setting,
    StartedJob,
    StaticRoute,
    Vpc,
    VpcOffering,
    Zone,
)
from apps.kernel.remote import (
    Channel,
    Client,
    Hooks,
    Rejected,
    RemoteError,
    Unauthorized,
    Unavailable,
    Wire,
)

SYSTEM = "cloudstack"
PAGE_SIZE = 500  # `default.page.size`; a larger page is refused with 431
NO_SUCH_ENTITY = "entity does not exist"  # end of the text about a parameter that names no known uuid
RACE_TEXTS = ("concurrent", "unable to acquire lock")
NAMES = re.compile(r"[{\[].*[}\]]", re.DOTALL)  # `VPC {"id":30,"name":"vpc one",...}`: tenants' names stand in texts
CONCURRENT_OPERATION = 4300  # cserrorcode of ConcurrentOperationException

# A job that ends without a result says why by its code alone (cloudstack-api.md 2.2).
WITHOUT_RESULT = {
    530: "CloudStack's management server was restarted while it worked on this",
    0: "CloudStack cancelled the job, which had waited too long in its queue",
}

Row = TypeVar("Row", bound=Wire)
Listed = TypeVar("Listed", bound=Entity)
Owned = TypeVar("Owned", Vpc, Network)
Body = dict[str, Any]
Value = str | int | bool | IPv4Address | IPv4Network | None


def connect(
    url: str,
    api_key: SecretStr,
    secret_key: SecretStr,
    *,
    transport: httpx.BaseTransport | None = None,
    hooks: Hooks | None = None,
    read_timeout: float = 60.0,
    now: Callable[[], datetime] = machine_time,
    order_lifetime: timedelta = LIFETIME,
) -> CloudStack:
    """A client for the API at `url` (`https://host/client/api`) with the keys of a root admin.

    createNetwork answers only when the fabric is done, so a read timeout below a minute invites lost replies. An order
    that CloudStack has not begun after `order_lifetime` it refuses, by its own clock.
    """
    auth = KeyAuth(api_key, secret_key, now=now, order_lifetime=order_lifetime)
    return CloudStack(url, Channel(SYSTEM, auth=auth, transport=transport, hooks=hooks, read_timeout=read_timeout))


class CloudStack(Client):
    """One CloudStack, seen with a root key. Threads may share it."""

    # The zone and what it offers

    def capabilities(self) -> Capabilities:
        return self._object("listCapabilities", self._read("listCapabilities"), "capability", Capabilities)

    def list_zones(self) -> list[Zone]:
        return self._list("listZones", "zone", Zone)

    def list_vpc_offerings(self) -> list[VpcOffering]:
        """Enabled ones."""
        return self._list("listVPCOfferings", "vpcoffering", VpcOffering, state="Enabled")

    def list_network_offerings(self) -> list[NetworkOffering]:
        """Enabled ones that make VPC tiers."""
        return self._list("listNetworkOfferings", "networkoffering", NetworkOffering, state="Enabled", forvpc=True)

    def physical_networks(self, zone_id: str) -> list[PhysicalNetwork]:
        return self._list("listPhysicalNetworks", "physicalnetwork", PhysicalNetwork, zoneid=zone_id)

    def vni_pages(self, zone_id: str) -> Iterator[list[GuestVlan]]:
        """The numbers that are taken out of the pools, those that no network has any more among them."""
        return self._pages("listGuestVlans", "guestvlan", GuestVlan, zoneid=zone_id, allocatedonly=True)

    def setting(self, name: str) -> str | None:
        """The value of a global setting, as text."""
        found = self._list("listConfigurations", "configuration", Setting, name=name)
        return next((row.value for row in found if row.id == name), None)

    def acl_lists(self) -> list[AclList]:
        """Those that every VPC may use: `default_allow`, `default_deny` and whatever root has added."""
        return [row for row in self._list("listNetworkACLLists", "networkacllist", AclList) if not row.vpcid]

    def controllers(self, zone_id: str) -> list[Host]:
        """The hosts of the zone that stand for network controllers: the Netris provider's, as a rule alone."""
        return self._list("listHosts", "host", Host, zoneid=zone_id, type="L2Networking")

    def reconnect_host(self, host_id: str) -> str:
        """Starts the job. The host is Disconnected until it is back, which takes longer than the job (REAL)."""
        return self._job_of("reconnectHost", self._write("reconnectHost", id=host_id))

    def public_ranges(self, zone_id: str) -> list[IpRange]:
        return self._list("listVlanIpRanges", "vlaniprange", IpRange, zoneid=zone_id, forvirtualnetwork=True)

    # Domains and accounts

    def find_domain(self, name: str, *, parent_id: str | None = None) -> Domain | None:
        """The domain of this name directly below the given one, or below ROOT."""
        for domain in self._list("listDomains", "domain", Domain, name=name):
            is_here = domain.parentdomainid == parent_id if parent_id else domain.level == 1
            if domain.name == name and is_here:
                return domain
        return None

    def domain_pages(self) -> Iterator[list[Domain]]:
        return self._pages("listDomains", "domain", Domain)

    def create_domain(self, name: str, *, parent_id: str | None = None) -> Domain:
        body = self._write("createDomain", name=name, parentdomainid=parent_id)
        return self._object("createDomain", body, "domain", Domain)

    def delete_domain(self, domain_id: str) -> str:
        """Starts the job. It fails while accounts or child domains remain."""
        return self._job_of("deleteDomain", self._write("deleteDomain", id=domain_id))

    def find_account(self, name: str, domain_id: str) -> Account | None:
        rows = self._list("listAccounts", "account", Account, name=name)
        return next((row for row in rows if row.name == name and row.domainid == domain_id), None)

    def account_pages(self) -> Iterator[list[Account]]:
        return self._pages("listAccounts", "account", Account)

    def get_domain(self, domain_id: str) -> Domain | None:
        return self._get("listDomains", "domain", Domain, domain_id)

    def get_account(self, account_id: str) -> Account | None:
        return self._get("listAccounts", "account", Account, account_id)

    def accounts_in(self, domain_id: str) -> list[Account]:
        return self._list("listAccounts", "account", Account, domainid=domain_id)

    def create_account(
        self,
        *,
        name: str,
        domain_id: str,
        email: str,
        first_name: str,
        last_name: str,
        password: SecretStr,
        username: str | None = None,
        account_type: int = 0,
    ) -> Account:
        """An account with its first user, named like the account unless told otherwise. Type 0 is a plain user."""
        body = self._write(
            "createAccount",
            account=name,
            domainid=domain_id,
            email=email,
            firstname=first_name,
            lastname=last_name,
            password=password.get_secret_value(),
            username=username or name,
            accounttype=account_type,
        )
        return self._object("createAccount", body, "account", Account)

    def delete_account(self, account_id: str) -> str:
        return self._job_of("deleteAccount", self._write("deleteAccount", id=account_id))

    def update_resource_limit(
        self, *, domain_id: str, resource_type: ResourceType, maximum: int, account: str | None = None
    ) -> None:
        """Of one account, or without one of the whole domain; both count. -1 is unlimited."""
        self._write(
            "updateResourceLimit", account=account, domainid=domain_id, resourcetype=int(resource_type), max=maximum
        )

    # VPCs

    def find_vpc(self, name: str, *, account: str, domain_id: str) -> Vpc | None:
        """The oldest of that name: a repeated create makes a second one, and the first is the one others refer to."""
        return oldest(self.vpcs_named(name, account=account, domain_id=domain_id))

    def vpcs_named(self, name: str, *, account: str, domain_id: str) -> list[Vpc]:
        # The filter finds substrings, in any case. The owner is no filter: one that is gone would be an error.
        rows = self._list("listVPCs", "vpc", Vpc, name=name)
        return [row for row in rows if (row.name, row.account, row.domainid) == (name, account, domain_id)]

    def vpcs_called(self, name: str) -> list[Vpc]:
        """Whosever they are."""
        return [row for row in self._list("listVPCs", "vpc", Vpc, name=name) if row.name == name]

    def get_vpc(self, vpc_id: str) -> Vpc | None:
        return self._get("listVPCs", "vpc", Vpc, vpc_id)

    def vpcs_in_domain(self, domain_id: str) -> list[Vpc]:
        """With those of accounts that are gone."""
        return self._list("listVPCs", "vpc", Vpc, domainid=domain_id)

    def all_vpcs(self) -> list[Vpc]:
        return self._list("listVPCs", "vpc", Vpc)

    def vpc_pages(self) -> Iterator[list[Vpc]]:
        return self._pages("listVPCs", "vpc", Vpc)

    def create_vpc(
        self,
        *,
        name: str,
        displaytext: str,
        zone_id: str,
        offering_id: str,
        cidr: IPv4Network,
        account: str,
        domain_id: str,
    ) -> StartedJob:
        body = self._write(
            "createVPC",
            name=name,
            displaytext=displaytext,
            zoneid=zone_id,
            vpcofferingid=offering_id,
            cidr=cidr,
            account=account,
            domainid=domain_id,
        )
        return StartedJob(id=self._text_of("createVPC", body, "id"), job=self._job_of("createVPC", body))

    def routers_of(self, vpc_id: str) -> list[Router]:
        return self._list("listRouters", "router", Router, vpcid=vpc_id)

    def static_routes_of(self, vpc_id: str) -> list[StaticRoute]:
        return self._list("listStaticRoutes", "staticroute", StaticRoute, vpcid=vpc_id)

    def delete_static_route(self, route_id: str) -> str:
        return self._job_of("deleteStaticRoute", self._write("deleteStaticRoute", id=route_id))

    def delete_vpc(self, vpc_id: str) -> str:
        """Starts the job. It fails while tiers remain."""
        return self._job_of("deleteVPC", self._write("deleteVPC", id=vpc_id))

    # Tiers

    def find_network(self, name: str, *, vpc_id: str) -> Network | None:
        """The oldest tier of that name in the VPC."""
        return oldest([row for row in self.networks_of(vpc_id) if row.name == name])

    def get_network(self, network_id: str) -> Network | None:
        return self._get("listNetworks", "network", Network, network_id)

    def networks_called(self, name: str) -> list[Network]:
        """Wherever they are. `name` is a filter from 4.22 on; the keyword finds more, in every release."""
        return [row for row in self._list("listNetworks", "network", Network, keyword=name) if row.name == name]

    def networks_of(self, vpc_id: str) -> list[Network]:
        return self._list("listNetworks", "network", Network, vpcid=vpc_id)

    def has_instances(self, network_id: str) -> bool:
        """Whether an instance has a NIC in the tier, running or not."""
        body = self._read("listVirtualMachines", networkid=network_id, listall=True, page=1, pagesize=1)
        return bool(body.get("virtualmachine"))

    def all_networks(self) -> list[Network]:
        return self._list("listNetworks", "network", Network)

    def network_pages(self) -> Iterator[list[Network]]:
        return self._pages("listNetworks", "network", Network)

    def create_network(
        self,
        *,
        name: str,
        displaytext: str,
        vpc_id: str,
        zone_id: str,
        offering_id: str,
        gateway: IPv4Address,
        netmask: IPv4Address,
        account: str,
        domain_id: str,
        acl_id: str | None = None,
    ) -> Network:
        """Answers when Netris has its side, which can take minutes; giving up early does not stop the work."""
        body = self._write(
            "createNetwork",
            name=name,
            displaytext=displaytext,
            vpcid=vpc_id,
            zoneid=zone_id,
            networkofferingid=offering_id,
            gateway=gateway,
            netmask=netmask,
            account=account,
            domainid=domain_id,
            aclid=acl_id,
        )
        return self._object("createNetwork", body, "network", Network)

    def delete_network(self, network_id: str) -> str:
        return self._job_of("deleteNetwork", self._write("deleteNetwork", id=network_id))

    # Public IPs

    def list_public_ips(self, vpc_id: str) -> list[PublicIp]:
        return self._list("listPublicIpAddresses", "publicipaddress", PublicIp, vpcid=vpc_id)

    def source_nat_pages(self, zone_id: str) -> Iterator[list[PublicIp]]:
        """The source NAT addresses of the zone."""
        return self._pages("listPublicIpAddresses", "publicipaddress", PublicIp, zoneid=zone_id, issourcenat=True)

    # Jobs

    def job(self, job_id: str) -> Job | None:
        """None when CloudStack has forgotten it (`job.expire.minutes`, a day)."""
        try:
            return self._decode("queryAsyncJobResult", self._read("queryAsyncJobResult", jobid=job_id), Job)
        except Rejected as refusal:
            if _is_unknown(refusal):
                return None
            raise

    def pending_jobs(self, command: str) -> list[Job]:
        """Those of a command that this key's own account has started and that are not over yet."""
        name = command[0].upper() + command[1:]  # as the Java class is called
        found = self._list("listAsyncJobs", "asyncjobs", Job, listall=None, keyword=f"{name}Cmd")
        return [job for job in found if job.command == name and job.status is JobStatus.PENDING]

    def check_job(self, job_id: str) -> bool:
        """True when it is over, False while it runs; raises `Rejected` with the job's own words if it failed."""
        job = self.job(job_id)
        if job is not None and job.status is JobStatus.FAILED:
            raise refusal_of(job)
        return job is None or job.status is JobStatus.SUCCEEDED

    # How answers are undone

    def _get(self, command: str, key: str, model: type[Listed], row_id: str) -> Listed | None:
        return next(iter(self._list(command, key, model, id=row_id)), None)

    def _list(
        self, command: str, key: str, model: type[Listed], *, listall: bool | None = True, **filters: Value
    ) -> list[Listed]:
        """All pages at once; a row that comes twice is kept once."""
        pages = self._pages(command, key, model, listall=listall, **filters)
        return list({row.id: row for page in pages for row in page}.values())

    def _pages(
        self, command: str, key: str, model: type[Listed], *, listall: bool | None = True, **filters: Value
    ) -> Iterator[list[Listed]]:
        """Page by page. Rows can shift between two of them, so one may come twice.

        Without `listall` the rows are those of the key's own account.
        """
        seen, page = 0, 1
        while True:
            try:
                body = self._read(command, **filters, listall=listall, page=page, pagesize=PAGE_SIZE)
            except Rejected as refusal:
                if _is_unknown(refusal):
                    return
                raise
            batch = body.get(key) or []  # an empty list is {}, a page past the end has a count and no list
            yield [self._decode(command, raw, model) for raw in batch]
            seen += len(batch)
            if not batch or seen >= _number(body.get("count")):
                return
            page += 1

    def _read(self, command: str, **parameters: Value) -> Body:
        return self._call(command, parameters, is_read=True)

    def _write(self, command: str, **parameters: Value) -> Body:
        return self._call(command, parameters, is_read=False)

    def _call(self, command: str, parameters: dict[str, Value], *, is_read: bool) -> Body:
        form = {"command": command}
        form |= {name: _spelled(value) for name, value in parameters.items() if value is not None}
        subject = next((form[name] for name in ("id", "name", "account", "jobid", "vpcid") if name in form), "")
        response = self._channel.send("POST", self._url, call=command, subject=subject, is_read=is_read, form=form)
        body = self._undo(command, response)
        if "errorcode" in body:
            raise _error(command, body, is_read=is_read)
        return body

    def _undo(self, command: str, response: httpx.Response) -> Body:
        """What stands under the single top-level key. Its name is not computed: several commands answer under another.

        Not strict, because CloudStack passes control characters through unescaped.
        """
        try:
            [body] = json.loads(response.content, strict=False).values()
        except (ValueError, AttributeError):
            body = None
        if isinstance(body, dict) and (response.status_code == 200 or "errorcode" in body):
            return body
        raise self._unreadable(command, f"HTTP {response.status_code} without a CloudStack answer")

    def _object(self, command: str, body: Body, key: str, model: type[Row]) -> Row:
        return self._decode(command, body.get(key), model)

    def _decode(self, command: str, row: Any, model: type[Row]) -> Row:
        try:
            return model.model_validate(row)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, part["loc"])) or "all of it" for part in error.errors()}))
            raise self._unreadable(command, f"a {model.__name__} that cannot be read: {fields}") from error

    def _job_of(self, command: str, body: Body) -> str:
        return self._text_of(command, body, "jobid")

    def _text_of(self, command: str, body: Body, key: str) -> str:
        if text := str(body.get(key) or ""):
            return text
        raise self._unreadable(command, f"no {key}")

    def _unreadable(self, command: str, what: str) -> Unavailable:
        return Unavailable(f"CloudStack answered {command} with {what}", system=SYSTEM, call=command)


def refusal_of(job: Job) -> Rejected:
    """Why a job failed, in its own words where it left any."""
    silence = WITHOUT_RESULT.get(job.error_code) if job.answer is None else None
    text = job.error_text or silence or "CloudStack ended the job without saying why"
    return Rejected(text, job.error_code, system=SYSTEM, call="queryAsyncJobResult")


def _is_unknown(refusal: Rejected) -> bool:
    return refusal.code == 431 and NO_SUCH_ENTITY in refusal.text.lower()


def _spelled(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def oldest(rows: Iterable[Owned]) -> Owned | None:
    """Of equal age (dates have whole seconds) always the same one. A row without a date counts as young."""
    return min(rows, key=lambda row: (row.created or datetime.max.replace(tzinfo=UTC), row.id), default=None)


def _error(command: str, body: Body, *, is_read: bool) -> RemoteError:
    code = _number(body["errorcode"])
    text = str(body.get("errortext") or f"CloudStack refused {command} with code {code}")
    match code:
        case 401:
            return Unauthorized(text, system=SYSTEM, call=command)
        case 429 | 503:
            return Unavailable(text, maybe_sent=False, system=SYSTEM, call=command)
        case 530 if is_read or _lost_a_race(text, body):
            return Unavailable(text, system=SYSTEM, call=command)
        case _:
            return Rejected(text, code, system=SYSTEM, call=command)


def _lost_a_race(text: str, body: Body) -> bool:
    words = NAMES.sub("", text).lower()
    return _number(body.get("cserrorcode")) == CONCURRENT_OPERATION or any(part in words for part in RACE_TEXTS)


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0
