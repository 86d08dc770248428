"""Functions that put rows into the world, with defaults for everything a test does not care about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Max
from django.utils import timezone
from pydantic import SecretStr

from apps.accounts.models import Account
from apps.acls.models import Acl
from apps.acls.rules import parse_rules
from apps.addresses.models import PortForward, PublicIp, StaticNat
from apps.balancers.models import Balancer
from apps.directconnect import stages
from apps.directconnect.models import Connection, FabricPort, Interface, Location, PortKind
from apps.directconnect.stages import Stage
from apps.fabric.models import (
    Survey,
    Surveyed,
    SurveyedDevice,
    SurveyedLink,
    SurveyedPort,
    SurveyedSession,
    SurveyedSite,
    SurveyedSubnet,
    sort_key_of,
)
from apps.history.kinds import kind_of
from apps.history.models import Event, Series, Source
from apps.history.series import Point, record
from apps.imports.models import Import, Row
from apps.kernel import clock
from apps.kernel.names import key_of
from apps.mirror.models import Item, Kind, Reading
from apps.mirror.sweeps import SWEEPS
from apps.networks.models import StaticRoute, Tier, Vpc
from apps.networks.specs import TierSpec, VpcSpec
from apps.operations.provisioned import Status
from apps.peering.models import Peering
from apps.quotas.models import QuotaRequest
from apps.quotas.queries import quotas_of
from apps.quotas.resources import VPC, Resource, resources
from apps.quotas.services import set_limits
from apps.strays.models import Stray
from apps.tenancy.actors import Actor, Platform
from apps.tenancy.models import ApiToken, Invitation, Membership, Role, Scope, Tenant, User, digest_of
from apps.vnis.models import Claim, VniRange, numbers
from apps.zones.access import Found, FoundZone, Offering
from apps.zones.models import Trial, Zone

PASSWORD = "a long enough password"


def a_user(username: str, **fields: Any) -> User:
    user = User(username=username, email=f"{username}@example.net", **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def a_platform_admin(username: str = "root") -> User:
    return a_user(username, is_platform_admin=True)


def the_platform() -> Platform:
    return Platform(Actor.system("test"))


def platform_of_user(admin: User) -> Platform:
    return Platform(Actor.of_user(admin))


def a_tenant(name: str, **fields: Any) -> Tenant:
    """Also with limits: `max_vpcs=3`."""
    most = {resource: fields.pop(resource.field) for resource in resources() if resource.field in fields}
    tenant = Tenant.objects.create(name=name, slug=name.lower().replace(" ", "-"), **fields)
    set_limits(tenant, most)
    return tenant


def limit(tenant: Tenant, **most: int) -> None:
    """`limit(acme, vpc=2, tier=3)`"""
    set_limits(tenant, {resource: most[resource.key] for resource in resources() if resource.key in most})


def limits_of(tenant: Tenant, *which: Resource) -> list[int]:
    quotas = quotas_of(tenant)
    return [quotas.of(resource).limit for resource in which]


def a_member(tenant: Tenant, role: Role = Role.ENGINEER, username: str = "") -> User:
    user = a_user(username or f"{tenant.slug}-{role}")
    Membership.objects.create(user=user, tenant=tenant, role=role)
    return user


def an_invitation(
    tenant: Tenant, email: str = "new@example.net", role: Role = Role.VIEWER, *, life: timedelta = Invitation.LIFE
) -> tuple[Invitation, str]:
    """An invitation, and the secret of its link."""
    secret, now = Invitation.new_secret(), clock.now()
    whose = {"username": "new-2345", "invited_by": "ann", "digest": digest_of(secret)}
    row = Invitation.unscoped.create(
        tenant=tenant, email=email, role=role, created_at=now, expires_at=now + life, **whose
    )
    return row, secret


def whoever_belongs_to(tenant: Tenant) -> dict[str, Any]:
    """The ids of a member of the tenant's, of a token of another's, of an invitation, and of somebody elsewhere."""
    boss = a_member(tenant, Role.OWNER, f"{tenant.slug}-boss")
    idle = a_member(tenant, Role.VIEWER, f"{tenant.slug}-idle")
    a_token(tenant, created_by=boss, name="boss's")
    a_token(None, name="the platform's")
    return {
        "platform_token": ApiToken.unscoped.get(name="the platform's").pk,
        **{"member": idle.memberships.get().pk, "token": boss.tokens.get().pk},
        **{"invitation": an_invitation(tenant)[0].pk, "person": a_user("elsewhere").uuid},
    }


def a_token(tenant: Tenant | None, scope: Scope = Scope.WRITE, **fields: Any) -> str:
    """The secret of a new token; of the platform when `tenant` is None."""
    secret = ApiToken.new_secret()
    named = {"name": "test"} | fields
    ApiToken.unscoped.create(tenant=tenant, digest=ApiToken.hash(secret), scope=scope, **named)
    return secret


def a_zone(name: str = "Zone-1", **fields: Any) -> Zone:
    """A zone that nobody can reach; tests that build for real take the fixture `zone`."""
    defaults: dict[str, Any] = {
        "slug": name.lower(),
        "cloudstack_url": "http://cloudstack.invalid/client/api",
        "cloudstack_api_key": "key",
        "cloudstack_secret_key": "secret",
        "cloudstack_zone_id": uuid4(),
        "vpc_offering_id": uuid4(),
        "tier_offering_id": uuid4(),
        "netris_url": "http://netris.invalid",
        "netris_user": "weft",
        "netris_password": "secret",
        "netris_site": "Site-1",
        "calls_per_second": 1000,
    }
    return Zone.objects.get(pk=Zone.objects.create(name=name, **(defaults | fields)).pk)


def a_second_zone(zone: Zone, *surveyed: Any) -> Zone:
    """Of the same Netris, read as the first was, and surveyed as far as these go."""
    other = a_zone("Second", netris_url=zone.netris_url, netris_site=zone.netris_site)
    models: Sequence[Any] = (Reading, Item, Survey, *surveyed)
    for model in models:
        rows = list(model.objects.filter(zone=zone))
        for each in rows:
            each.pk = model.id_of(other, each.remote_id) if issubclass(model, Surveyed) else None
            each.zone = other
        model.objects.bulk_create(rows)
    return other


def a_trial(zone: Zone | None = None, **fields: Any) -> Trial:
    """A connection that both systems have said yes to a moment ago."""
    offering = Offering(id=str(uuid4()), name="with Netris", is_netris=True)
    there, name = zone.cloudstack_zone_id if zone else uuid4(), zone.name if zone else "Zone-9"
    found = Found(
        zones=[FoundZone(id=str(there), name=name, provider="Netris", is_netris=True)],
        vpc_offerings=[offering],
        tier_offerings=[offering],
        sites=["Site-1"],
    )
    defaults: dict[str, Any] = {
        "zone": zone,
        "asked_by": "ann",
        "cloudstack_url": "http://cloudstack.invalid/client/api",
        "cloudstack_api_key": "key",
        "cloudstack_secret_key": "secret",
        "netris_url": "http://netris.invalid",
        "netris_user": "weft",
        "netris_password": "secret",
        "checks": [{"system": "netris", "title": "There is a site", "verdict": "ok", "text": "Site-1", "field": ""}],
        "found": found.model_dump(mode="json"),
        "finished_at": clock.now(),
    }
    return Trial.objects.create(**(defaults | fields))


def an_account(tenant: Tenant, zone: Zone, status: Status = Status.READY, **fields: Any) -> Account:
    ids = {"cloudstack_domain_id": uuid4(), "cloudstack_account_id": uuid4()}
    return Account.unscoped.create(tenant=tenant, zone=zone, status=status, **(ids | fields))


def a_vpc(
    tenant: Tenant,
    zone: Zone,
    name: str = "prod",
    cidr: str = "10.20.0.0/20",
    status: Status = Status.READY,
    **fields: Any,
) -> Vpc:
    return Vpc.unscoped.create(tenant=tenant, zone=zone, name=name, cidr=IPv4Network(cidr), status=status, **fields)


def a_tier(
    vpc: Vpc, name: str = "web", cidr: str = "10.20.0.0/24", status: Status = Status.READY, **fields: Any
) -> Tier:
    return Tier.unscoped.create(
        vpc=vpc, tenant=vpc.tenant, vpc_cidr=vpc.cidr, name=name, cidr=IPv4Network(cidr), status=status, **fields
    )


def a_static_route(
    tier: Tier, destination: str = "192.168.50.0/24", status: Status = Status.READY, **fields: Any
) -> StaticRoute:
    ends = {"destination": IPv4Network(destination), "next_hop": tier.cidr[9]}
    whose = {"vpc": tier.vpc, "tenant": tier.vpc.tenant, "tier": tier, "status": status}
    return StaticRoute.unscoped.create(**(whose | ends | fields))


def a_public_ip(vpc: Vpc, address: str = "198.51.100.20", status: Status = Status.READY, **fields: Any) -> PublicIp:
    acquired = {} if status == Status.BUILDING else {"acquired_at": clock.now(), "cloudstack_id": uuid4()}
    whose = {"vpc": vpc, "tenant": vpc.tenant, "zone": vpc.zone, "address": address, "status": status}
    row = PublicIp.unscoped.create(**(whose | acquired | fields))
    return PublicIp.unscoped.get(pk=row.pk)


def a_pool(zone: Zone, first: int = 100, last: int = 103, *, taken: Iterable[int] = (), read_at: Any = None) -> None:
    """Let the mirror list the public IPs 198.51.100.<first> to <last>: free ones, but for those that somebody has."""
    for number in range(first, last + 1):
        state = {"state": "Allocated", "vpcid": str(uuid4())} if number in taken else {"state": "Free"}
        data = {"ipaddress": f"198.51.100.{number}", "forprovider": True} | state
        mirrored(zone, Kind.CLOUDSTACK_ADDRESS, [uuid4()], data=data, read_at=read_at)


def a_balancer(
    public_ip: PublicIp, tier: Tier, port: int = 443, status: Status = Status.READY, members: int = 1, **fields: Any
) -> Balancer:
    """With members that CloudStack does not know, at the first addresses of the tier."""
    whose = {"public_ip": public_ip, "vpc": public_ip.vpc, "tenant": public_ip.tenant, "address": public_ip.address}
    values = {"name": "shop", "protocol": "tcp", "port": port, "member_port": 8443, "status": status, "tier": tier}
    row = Balancer.unscoped.create(**(whose | values | fields))
    for number in range(members):
        row.members.create(
            instance_id=uuid4(), instance_name=f"web-{number + 1}", guest_address=str(tier.cidr[10 + number])
        )
    return row


def a_location(zone: Zone, name: str = "Paris 2", *, speeds: Iterable[int] = (10_000,), **fields: Any) -> Location:
    """It offers dedicated ports of these speeds, in Mbit/s, and VLANs of shared ones."""
    facts = {"address": "114 rue Ambroise Croizat, Saint-Denis", "room": "MMR 2.1", "loa_text": "Patch one pair."}
    row = Location.objects.create(zone=zone, name=name, **(facts | fields))
    for speed in speeds:
        for kind in PortKind:
            row.offerings.create(speed=speed, kind=kind, price="on request")
    return row


def a_fabric_port(location: Location, name: str = "swp7@Leaf-1", remote_id: str = "", **fields: Any) -> FabricPort:
    device = name.partition("@")[2]
    facts: dict[str, Any] = {"name": name, "device": device, "device_id": device, "remote_id": remote_id or name}
    facts |= {"location": location, "zone": location.zone, "speed": 10_000, "kind": PortKind.DEDICATED}
    return FabricPort.objects.create(**(facts | fields))


def a_connection(
    tenant: Tenant, location: Location, name: str = "paris-a", stage: Stage = Stage.DRAFT, **fields: Any
) -> Connection:
    """At any stage, with what one at that stage has: a port of its own, a letter of authorization."""
    facts: dict[str, Any] = {"kind": PortKind.DEDICATED, "speed": 10_000, "stage": stage}
    held = {Stage.ON_HOLD: Stage.SUBMITTED, Stage.SUSPENDED: Stage.IN_SERVICE}
    facts["held_stage"] = held.get(stage, "")
    if stage == Stage.APPROVED:
        facts["place"] = (Connection.unscoped.aggregate(last=Max("place"))["last"] or 0) + 1
    facts |= fields
    if stage in stages.WITH_PORT and "port" not in facts:
        number = FabricPort.objects.count() + 1
        facts["port"] = a_fabric_port(location, f"swp{number}@Leaf-1", kind=facts["kind"], speed=facts["speed"])
    if stage in stages.WITH_LOA:
        number = Connection.unscoped.count() + 1
        letter = {"loa_number": f"LOA-{number:04}", "loa_issued_at": clock.now()}
        facts = letter | {"loa_valid_until": clock.now() + timedelta(days=60)} | facts
    return Connection.unscoped.create(tenant=tenant, location=location, name=name, **facts)


def whatever_is_ordered(tenant: Tenant, zone: Zone) -> dict[str, Any]:
    """A location, and an order that was submitted there, by what the tables of routes call them."""
    location = a_location(zone)
    return {
        "dclocation": location.pk,
        "connection": a_connection(tenant, location, stage=Stage.SUBMITTED).pk,
        **_what_runs_over_it(tenant, location),
    }


def _what_runs_over_it(tenant: Tenant, location: Location) -> dict[str, Any]:
    """Another connection, with an interface into a VPC of its own."""
    port = a_fabric_port(location, "swp31@Leaf-1", "31", device_id="3")
    carrying = a_connection(tenant, location, "paris-b", Stage.IN_SERVICE, port=port)
    vpc = a_vpc(tenant, location.zone, "uplink", "10.180.0.0/20", netris_id=31)
    row = an_interface(carrying, vpc, md5=SecretStr("a-key-of-both-ends"), has_md5=True)
    return {"carrying": carrying.pk, "interface": row.pk, "dcport": port.pk}


def an_interface(connection: Connection, vpc: Vpc, name: str = "vlan-100", vlan: int = 100, **fields: Any) -> Interface:
    facts: dict[str, Any] = {
        "tenant": connection.tenant,
        "port": connection.port,
        "status": Status.READY,
        "peer_asn": 64_600,
    }
    facts |= {"link": IPv4Network("169.254.10.0/30"), "local_address": "169.254.10.1"}
    facts |= {"remote_address": "169.254.10.2", "prefix_length": 30, "accept": ["192.168.0.0/16"]}
    facts |= {"announce": [str(vpc.cidr)], "max_prefixes": 100}
    return Interface.unscoped.create(connection=connection, vpc=vpc, name=name, vlan=vlan, **(facts | fields))


def a_static_nat(public_ip: PublicIp, tier: Tier, status: Status = Status.READY, **fields: Any) -> StaticNat:
    return StaticNat.unscoped.create(**(_leading(public_ip, tier) | {"status": status} | fields))


def a_port_forward(
    public_ip: PublicIp, tier: Tier, first: int = 80, last: int = 0, status: Status = Status.READY, **fields: Any
) -> PortForward:
    ports = {"protocol": "tcp", "public_first": first, "public_last": last or first, "private_first": first}
    return PortForward.unscoped.create(**(_leading(public_ip, tier) | ports | {"status": status} | fields))


def _leading(public_ip: PublicIp, tier: Tier) -> dict[str, Any]:
    """From an address to an instance in the tier."""
    whose = {"public_ip": public_ip, "tenant": public_ip.tenant, "vpc": public_ip.vpc, "address": public_ip.address}
    instance = {"instance_id": uuid4(), "instance_name": "web-1", "guest_address": tier.cidr[11]}
    return whose | instance | {"tier": tier}


def an_acl(vpc: Vpc, name: str = "web", rules: Sequence[Any] = (), status: Status = Status.READY, **fields: Any) -> Acl:
    """An access list; `rules` as somebody would write them."""
    written = [rule.as_json() for rule in parse_rules(list(rules))]
    return Acl.unscoped.create(tenant=vpc.tenant, vpc=vpc, name=name, rules=written, status=status, **fields)


def a_vpc_spec(zone: Zone | str = "Zone-1", name: str = "prod", cidr: str = "10.20.0.0/20", **fields: Any) -> VpcSpec:
    tiers = (TierSpec("web", IPv4Network("10.20.0.0/24")), TierSpec("db", IPv4Network("10.20.1.0/24")))
    defaults: dict[str, Any] = {"description": "", "tiers": tiers}
    reference = zone if isinstance(zone, str) else zone.name
    return VpcSpec(name=name, zone=reference, cidr=IPv4Network(cidr), **(defaults | fields))


def a_quota_request(tenant: Tenant, resource: Resource = VPC, **fields: Any) -> QuotaRequest:
    """One that waits; the one that waits already, where there is one."""
    facts = {"limit": resource.default, "wanted": resource.default + 10, "reason": "a second site"} | fields
    found, _ = QuotaRequest.unscoped.get_or_create(
        tenant=tenant, resource=resource.key, stage=facts.pop("stage", "requested"), defaults=facts
    )
    return found


def a_peering(vpc: Vpc, peer: Vpc | None, *, peer_tenant: Tenant | None = None, **fields: Any) -> Peering:
    """One that both sides agree on and that is built, or without a VPC at the other end a request."""
    values: dict[str, Any] = {"name": "shop and lab", "offered": [str(vpc.cidr)]}
    if peer is not None:
        values |= {"stage": "accepted", "status": Status.READY, "peer_vpc": peer, "netris_id": 7}
        values |= {"peer_offered": [str(peer.cidr)], "accepted": [str(peer.cidr)], "peer_accepted": [str(vpc.cidr)]}
        peer_tenant = peer.tenant
    assert peer_tenant is not None
    if peer_tenant != vpc.tenant:
        values["asked_of"] = peer_tenant.slug
    return Peering.unscoped.create(vpc=vpc, tenant=vpc.tenant, peer_tenant=peer_tenant, **(values | fields))


def mirrored(zone: Zone, kind: Kind, remote_ids: Iterable[object], *, read_at: Any = None, data: Any = None) -> None:
    """Let the mirror list some objects of a zone, read at a given time."""
    read_at = read_at or timezone.now()
    Reading.objects.update_or_create(zone=zone, kind=kind, defaults={"read_at": read_at})
    for remote_id in remote_ids:
        row = SWEEPS[kind].row_of({"id": remote_id if isinstance(remote_id, int) else str(remote_id)} | (data or {}))
        [columns] = SWEEPS[kind].columns_of([row]).values()
        Item.objects.create(zone=zone, kind=kind, remote_id=str(remote_id), changed_at=read_at, **columns)


def an_instance(
    owner: Account,
    name: str = "web-1",
    *,
    tier: Tier | None = None,
    address: str = "10.20.0.11",
    secondary: Sequence[str] = (),
    state: str = "Running",
    read_at: Any = None,
    **fields: Any,
) -> UUID:
    """Let the mirror list an instance of an account, with a NIC in the tier. Gives its id in CloudStack."""
    more = [{"id": str(uuid4()), "ipaddress": each} for each in secondary]
    nic = {"id": str(uuid4()), "ipaddress": address, "isdefault": True, "secondaryip": more}
    if tier is not None:
        nic |= {"networkid": str(tier.cloudstack_id), "vpcid": str(tier.vpc.cloudstack_id)}
    whose = {"account": owner.remote_name, "domainid": str(owner.cloudstack_domain_id)}
    facts = {"displayname": name, "state": state, "nic": [nic], "created": "2026-03-02T08:00:00+0000"}
    instance_id = uuid4()
    mirrored(owner.zone, Kind.CLOUDSTACK_INSTANCE, [instance_id], read_at=read_at, data=whose | facts | fields)
    return instance_id


def truly_mirrored(
    vpc: Vpc, *, besides: Iterable[str] = (), read_at: Any = None, states: Mapping[str, str] | None = None
) -> None:
    """Let the mirror list all that both systems have of a VPC, as Weft knows it. Netris lacks the tiers in `besides`;
    `states` are CloudStack's words for tiers that do not run."""
    at, zone, inside = {"read_at": read_at}, vpc.zone, {"vpc": {"id": vpc.netris_id}}
    ours = {"name": vpc.remote_name, "state": "Enabled", "cidr": str(vpc.cidr)}
    mirrored(zone, Kind.CLOUDSTACK_VPC, [vpc.cloudstack_id], data=ours, **at)
    mirrored(zone, Kind.NETRIS_VPC, [vpc.netris_id], data={"name": f"D1-A2-Z1-V3-{vpc.remote_name}"}, **at)
    mirrored(zone, Kind.NETRIS_RANGE, [vpc.netris_id], data={"prefix": str(vpc.cidr)} | inside, **at)
    if vpc.egress_ip:
        address = {"ipaddress": str(vpc.egress_ip), "issourcenat": True, "forprovider": True}
        mirrored(zone, Kind.CLOUDSTACK_ADDRESS, [uuid4()], data=address | {"vpcid": str(vpc.cloudstack_id)}, **at)
        rule = {"action": "SNAT", "sourceAddress": str(vpc.cidr), "snatToIP": f"{vpc.egress_ip}/32"}
        mirrored(zone, Kind.NETRIS_NAT, [vpc.netris_id], data=rule | inside, **at)
    mirrored(zone, Kind.CLOUDSTACK_NETWORK, [], **at)
    mirrored(zone, Kind.NETRIS_VNET, [], **at)
    for tier in Tier.unscoped.filter(vpc=vpc):
        state = (states or {}).get(tier.name, "Implemented")
        place = {"vpcid": str(vpc.cloudstack_id), "cidr": str(tier.cidr), "gateway": str(tier.gateway)}
        vni = {} if tier.vni is None else {"details": {"netrisvxlanid": str(tier.vni)}}
        mirrored(zone, Kind.CLOUDSTACK_NETWORK, [tier.cloudstack_id], data={"state": state} | place | vni, **at)
        if tier.name not in besides:
            gateway = {"gateways": [{"prefix": f"{tier.gateway}/{tier.cidr.prefixlen}"}]}
            net = {"state": "active", "vxlanID": tier.vni} | gateway | inside
            mirrored(zone, Kind.NETRIS_VNET, [tier.netris_id], data=net, **at)


def a_vni_range(zone: Zone, first: int = 1_000_000, last: int = 2_000_000, **fields: Any) -> VniRange:
    common = {"kind": "l2", "system": "cloudstack", "source": "pn-1", "name": "guest", "vnis": numbers(first, last)}
    return VniRange.objects.create(zone=zone, **(common | fields))


def a_claim(zone: Zone, vni: int, kind: str = "network", **fields: Any) -> Claim:
    """That something has had a number since a moment ago."""
    now = timezone.now()
    system = "netris" if kind in ("vnet", "vpc") else "cloudstack"
    common = {"system": system, "kind": kind, "holder": str(vni), "is_first": True, "began_at": now, "seen_at": now}
    return Claim.unscoped.create(zone=zone, vnis=numbers(vni, vni), **(common | fields))


def a_stray(zone: Zone, name: str = "vpc-0123456789ab", kind: Kind = Kind.CLOUDSTACK_VPC, **fields: Any) -> Stray:
    defaults: dict[str, Any] = {"remote_id": str(uuid4()), "remote_name": name, "why_not_adopt": "No row is left."}
    return Stray.objects.create(zone=zone, kind=kind, name=name, **(defaults | fields))


def a_device(zone: Zone, name: str = "Leaf-1", remote_id: str = "3", **fields: Any) -> SurveyedDevice:
    """A device of the inventory, as a survey finds it."""
    return _surveyed(SurveyedDevice, zone, name, remote_id, {"status": "ok", "role": "leaf", **fields})


def a_link(zone: Zone, name: str = "swp1@Leaf-1 - eth1@Server-1", remote_id: str = "1", **fields: Any) -> SurveyedLink:
    return _surveyed(SurveyedLink, zone, name, remote_id, {"status": "up", "plane": "access", **fields})


def a_session(zone: Zone, name: str = "ISP-1-Leaf-1", remote_id: str = "1", **fields: Any) -> SurveyedSession:
    return _surveyed(SurveyedSession, zone, name, remote_id, {"status": "up", "device_id": "3", **fields})


def a_port(zone: Zone, name: str = "swp1@Leaf-1", remote_id: str = "1", **fields: Any) -> SurveyedPort:
    return _surveyed(SurveyedPort, zone, name, remote_id, {"status": "up", "device_id": "3", **fields})


def a_subnet(zone: Zone, name: str = "Loopbacks", remote_id: str = "subnet-1", **fields: Any) -> SurveyedSubnet:
    return _surveyed(SurveyedSubnet, zone, name, remote_id, {"status": "ok", "type": "subnet", **fields})


def a_site(zone: Zone, name: str = "la", remote_id: str = "2", **fields: Any) -> SurveyedSite:
    facts = {"public_asn": 65100, "acl_policy": "permit", "switch_fabric": "netris", "vlan_range": "2-4094"}
    return _surveyed(SurveyedSite, zone, name, remote_id, {"status": "", **facts, **fields})


def whatever_a_fabric_has(zone: Zone) -> dict[str, Any]:
    """One of each thing, by what tests call it; some pages call theirs by the zone and by what Netris calls it."""
    device, link, port = a_device(zone), a_link(zone), a_port(zone)
    return {
        "device": f"{zone.slug}/{device.remote_id}",
        "link": f"{zone.slug}/{link.remote_id}",
        "port": f"{zone.slug}/{port.remote_id}",
        "fabdevice": device.pk,
        "fablink": link.pk,
        "fabsession": a_session(zone).pk,
        "fabport": port.pk,
        "fabsubnet": (subnet := a_subnet(zone)).pk,
        "block": f"{zone.slug}/{subnet.remote_id}",
        "fabsite": (site := a_site(zone, zone.netris_site)).pk,
        "site": f"{zone.slug}/{site.remote_id}",
        "gate": a_device(zone, "SoftGate-1", "9", role="softgate").pk,
        "event": an_event(zone).pk,
        "past": f"{zone.slug}/device/1",
        "vnirange": a_vni_range(zone).pk,
        "series": a_series(zone).uuid,
        "vni": zone.slug,
        "import": an_import().pk,
    }


def a_series(zone: Zone, subject: str = "1", metric: str = "cpu", value: float = 37) -> Series:
    """Of a device, with one reading of now."""
    record(zone, [Point("device", subject, metric, value)])
    return Series.objects.get(zone=zone, subject_id=subject, metric=metric)


def an_import(kind: str = "subnets", **fields: Any) -> Import:
    """With one row that can be sent."""
    imported = Import.objects.create(kind=kind, by="ann", **fields)
    order = {"name": "web"}
    Row.objects.create(id=Row.id_of(imported, 2), imported=imported, line=2, standing="ready", what="Make", order=order)
    return imported


#: What a survey has moments of.
SURVEYED = ("devices", "links", "sessions", "ports", "subnets", "ranges", "sites")


def _surveyed(model: Any, zone: Zone, name: str, remote_id: str, fields: dict[str, Any]) -> Any:
    now = clock.now()
    Survey.objects.update_or_create(
        zone=zone,
        defaults={f"{part}_read_at": now for part in SURVEYED},
    )
    keys = {"id": model.id_of(zone, remote_id), "sort_key": sort_key_of(name), "search_key": key_of(name)}
    return model.objects.create(zone=zone, name=name, remote_id=remote_id, **keys, **fields)


def an_event(zone: Zone, number: int = 1, *, touched: Iterable[Tenant] = (), **fields: Any) -> Event:
    """That a device is broken, as its source found it just now."""
    now = clock.now()
    fresh = {"read_at": now, "fresh_until": now + timedelta(seconds=45)}
    source, _ = Source.objects.update_or_create(zone=zone, name="test", defaults=fresh)
    subject = {"subject_kind": "device", "subject_id": str(number), "subject_name": f"Leaf-{number}"}
    facts = {
        "kind": "broken",
        "severity": "critical",
        "words": "It says nothing.",
        "began_at": now,
        "last_seen_at": now,
        "is_touch_known": True,
    }
    facts["is_finding"] = kind_of(str(fields.get("kind", facts["kind"]))).is_finding
    event = Event.objects.create(zone=zone, source=source, **(subject | facts | fields))
    event.touched.set(touched)
    return event


BY = Actor.system("test")
