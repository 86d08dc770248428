"""CloudStack's commands, one method each.

A method answers with our types, with None for "there is no such thing", or raises `Unavailable` or `Rejected`. Commands
that start a job return its id at once and never poll. Reads are tried a second time when the connection breaks; writes
never are, because only the caller can find out whether a lost one has happened.

What stands inside VPCs is `inside.py`'s; how answers are undone, and what their error codes become, `calls.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import TypeVar

import httpx
from pydantic import SecretStr

from apps.cloudstack.auth import LIFETIME, KeyAuth, machine_time
from apps.cloudstack.calls import SYSTEM, is_unknown, refusal_of
from apps.cloudstack.inside import InsideVpcs
from apps.cloudstack.wire import (
    Account,
    AclList,
    Api,
    Capabilities,
    Domain,
    GuestVlan,
    Host,
    IpRange,
    Job,
    JobStatus,
    Network,
    NetworkOffering,
    PhysicalNetwork,
    ResourceType,
    Router,
    Setting,
    StartedJob,
    StaticRoute,
    Vpc,
    VpcOffering,
    Zone,
)
from apps.kernel.remote import Channel, Hooks, Rejected

Owned = TypeVar("Owned", Vpc, Network)

#: What a key must be permitted for Weft to do its work: every command that is given anywhere in this client.
COMMANDS = frozenset(
    [
        "assignToLoadBalancerRule",
        "associateIpAddress",
        "createAccount",
        "createDomain",
        "createLoadBalancerRule",
        "createNetwork",
        "createNetworkACL",
        "createNetworkACLList",
        "createPortForwardingRule",
        "createStaticRoute",
        "createVPC",
        "deleteAccount",
        "deleteDomain",
        "deleteLoadBalancerRule",
        "deleteNetwork",
        "deleteNetworkACL",
        "deleteNetworkACLList",
        "deletePortForwardingRule",
        "deleteStaticRoute",
        "deleteVPC",
        "disableStaticNat",
        "disassociateIpAddress",
        "enableStaticNat",
        "listAccounts",
        "listApis",
        "listAsyncJobs",
        "listCapabilities",
        "listConfigurations",
        "listDomains",
        "listGuestVlans",
        "listHosts",
        "listLoadBalancerRuleInstances",
        "listLoadBalancerRules",
        "listNetworkACLLists",
        "listNetworkACLs",
        "listNetworkOfferings",
        "listNetworks",
        "listPhysicalNetworks",
        "listPortForwardingRules",
        "listPublicIpAddresses",
        "listRouters",
        "listStaticRoutes",
        "listVPCOfferings",
        "listVPCs",
        "listVirtualMachines",
        "listVlanIpRanges",
        "listZones",
        "queryAsyncJobResult",
        "reconnectHost",
        "removeFromLoadBalancerRule",
        "replaceNetworkACLList",
        "updateResourceLimit",
    ]
)


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


class CloudStack(InsideVpcs):
    """One CloudStack, seen with a root key. Threads may share it."""

    # The zone and what it offers

    def capabilities(self) -> Capabilities:
        return self._object("listCapabilities", self._read("listCapabilities"), "capability", Capabilities)

    def permitted_commands(self) -> set[str]:
        """The names of all commands that the key may give. CloudStack has no pages of them."""
        rows = self._read("listApis").get("api") or []
        return {self._decode("listApis", row, Api).name for row in rows}

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

    def hypervisor_pages(self, zone_id: str) -> Iterator[list[Host]]:
        return self._pages("listHosts", "host", Host, zoneid=zone_id, type="Routing")

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
        return self._started(
            "createVPC",
            name=name,
            displaytext=displaytext,
            zoneid=zone_id,
            vpcofferingid=offering_id,
            cidr=cidr,
            account=account,
            domainid=domain_id,
        )

    def routers_of(self, vpc_id: str) -> list[Router]:
        return self._list("listRouters", "router", Router, vpcid=vpc_id)

    def static_routes_of(self, vpc_id: str) -> list[StaticRoute]:
        return self._list("listStaticRoutes", "staticroute", StaticRoute, vpcid=vpc_id)

    def create_static_route(self, *, vpc_id: str, destination: IPv4Network, next_hop: IPv4Address) -> StartedJob:
        """Starts the job. Where Netris refuses there is no row and 530; where its answer was lost, no row though the
        route is there, and the same order again adopts it (REAL). Nothing looks at the next hop but that it is in the
        VPC (REAL): who calls this has."""
        return self._started("createStaticRoute", vpcid=vpc_id, cidr=destination, nexthop=next_hop)

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

    # Jobs

    def job(self, job_id: str) -> Job | None:
        """None when CloudStack has forgotten it (`job.expire.minutes`, a day)."""
        try:
            return self._decode("queryAsyncJobResult", self._read("queryAsyncJobResult", jobid=job_id), Job)
        except Rejected as refusal:
            if is_unknown(refusal):
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


def oldest(rows: Iterable[Owned]) -> Owned | None:
    """Of equal age (dates have whole seconds) always the same one. A row without a date counts as young."""
    return min(rows, key=lambda row: (row.created or datetime.max.replace(tzinfo=UTC), row.id), default=None)
