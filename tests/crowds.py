"""A tenant with very many VPCs, written in the database by itself: one by one they would take hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from hashlib import md5
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from apps.accounts.models import Account
from apps.acls.models import TierAcl
from apps.balancers.models import Balancer, Member
from apps.kernel import clock
from apps.mirror.models import Item, Kind
from apps.mirror.sweeps import SWEEPS
from apps.networks.models import Tier, Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant
from apps.vnis.feed import LISTS
from apps.vnis.models import LAST_VNI
from apps.vnis.ranges import count
from apps.zones.models import Zone
from tests import builders

#: Each VPC has an operation and an audit entry, and every so many a tier.
FILL = """
INSERT INTO networks_vpc (id, status, created_at, name, name_key, description, search_key, cidr, tenant_id, zone_id)
SELECT md5('vpc' || n)::uuid, 'ready', now() - n * interval '1 second', 'net ' || n, 'net ' || n, '',
    'net ' || n || E'\\n\\n10.',
    (('10.' || n %% 250 || '.' || n / 250 %% 16 * 16 || '.0/20'))::cidr, %(tenant)s, %(zone)s
FROM generate_series(1, %(many)s) AS n;
INSERT INTO networks_tier (id, status, created_at, name, name_key, search_key, cidr, vpc_cidr, vpc_id, tenant_id)
SELECT md5('tier' || n)::uuid, 'ready', now() - n * interval '1 second', 'web', 'web', 'web', set_masklen(vpc.cidr, 24),
    vpc.cidr, vpc.id, %(tenant)s
FROM generate_series(1, %(many)s, %(step)s) AS n JOIN networks_vpc vpc ON vpc.id = md5('vpc' || n)::uuid;
INSERT INTO operations_operation (id, kind, goal, resource_type, resource_id, resource_name, search_key, lock_key,
    lane, place, waits, wanted, requested_by, phase, size, cursor, ending, unwinds, stopped_in, is_cancel_requested,
    memo, steps, error, own_words, turned_by, stuck_by, given_up, priority, due_at, fence, attempts, hold, created_at,
    started_at, finished_at, tenant_id, zone_id)
SELECT md5('operation' || n)::uuid, 'vpc', 'present', 'vpc', md5('vpc' || n)::uuid, 'net ' || n,
    'net ' || n || E'\\nann', 'vpc:' || md5('vpc' || n)::uuid, 'vpc:' || md5('vpc' || n)::uuid, 1,
    false, '{}', 'ann', 'succeeded', 3, 2, 'succeeded', true, '',
    false, '{}', '[]', '', '', '{}', '{}', '{}', 10, now(), 1, 0, '', now() - n * interval '1 second',
    now() - n * interval '1 second', now() - n * interval '1 second', %(tenant)s, %(zone)s
FROM generate_series(1, %(many)s) AS n;
INSERT INTO tenancy_auditentry (at, actor, action, object_type, object_id, object_name, search_key, old, new, tenant_id)
SELECT now() - n * interval '1 second', 'ann', 'vpc.create', 'vpc', md5('vpc' || n)::uuid::text, 'net ' || n,
    'net ' || n || E'\\nann\\nvpc.create', '{}', '{}', %(tenant)s
FROM generate_series(1, %(many)s) AS n;
SELECT gin_clean_pending_list(index) FROM unnest(
    ARRAY['vpc_by_words', 'tier_by_words', 'operation_by_words', 'audit_by_words']::regclass[]) AS index;
ANALYZE networks_vpc, networks_tier, operations_operation, tenancy_auditentry, quotas_usage;
"""


def a_crowd(many: int, zone: Zone | None = None, *, step: int = 4) -> Tenant:
    """The tenant "Crowd". Its VPCs are called "net 1", "net 2" ... and share some 4,000 ranges; every so many of them
    has a tier."""
    tenant = builders.a_tenant("Crowd", max_vpcs=10_000_000, max_tiers=10_000_000)
    zone = zone or builders.a_zone()
    builders.an_account(tenant, zone)
    with connection.cursor() as cursor:
        for statement in FILL.split(";\n")[:-1]:
            cursor.execute(statement, {"tenant": tenant.pk, "zone": zone.pk, "many": many, "step": step})
    return tenant


def vpc_of_crowd(number: int) -> UUID:
    """The id of "net <number>"."""
    return UUID(md5(f"vpc{number}".encode(), usedforsecurity=False).hexdigest())


#: Of each VPC a rule for SNAT and two for DNAT, a V-Net and an instance: each like the first of its kind. Instances are
#: spread over the hypervisors of the zone.
FILL_ESTATE = """
INSERT INTO mirror_item (zone_id, kind, remote_id, key, name, search_key, data, changed_at)
SELECT zone_id, 'cloudstack.host', md5(name)::uuid, '', name, '', '{}', now()
FROM fabric_surveyeddevice WHERE zone_id = %(zone)s AND role = 'hypervisor';
INSERT INTO mirror_item (zone_id, kind, remote_id, key, name, search_key, data, changed_at)
SELECT item.zone_id, item.kind, 'rule-' || n, n / 3, '', '', item.data || jsonb_build_object('id', n,
    'action', CASE n %% 3 WHEN 0 THEN 'SNAT' ELSE 'DNAT' END), item.changed_at
FROM mirror_item item, generate_series(3, 3 * %(many)s + 2) AS n
WHERE item.zone_id = %(zone)s AND item.kind = 'netris.nat' AND item.remote_id = '1';
INSERT INTO mirror_item (zone_id, kind, remote_id, key, name, search_key, data, changed_at)
SELECT item.zone_id, item.kind, 'vnet-' || n, 20000 + n, 'vnet-' || n, '', item.data || jsonb_build_object('id', n),
    item.changed_at
FROM mirror_item item, generate_series(1, %(many)s) AS n
WHERE item.zone_id = %(zone)s AND item.kind = 'netris.vnet' AND item.remote_id = '1';
INSERT INTO mirror_item (zone_id, kind, remote_id, key, name, search_key, data, changed_at)
SELECT item.zone_id, item.kind, md5('instance' || n)::uuid, item.key, 'app-' || n, 'app-' || n, item.data ||
    jsonb_build_object('id', md5('instance' || n)::uuid, 'displayname', 'app-' || n, 'hostid', host.host_id,
        'hostname', host.name), item.changed_at
FROM mirror_item item, generate_series(1, %(many)s) AS n JOIN (
    SELECT row_number() OVER (ORDER BY name) AS place, count(*) OVER () AS hosts, name, remote_id AS host_id
    FROM mirror_item WHERE zone_id = %(zone)s AND kind = 'cloudstack.host'
) AS host ON host.place = n %% host.hosts + 1
WHERE item.zone_id = %(zone)s AND item.kind = 'cloudstack.instance' AND item.remote_id = %(like)s;
UPDATE networks_vpc SET netris_id = substring(name FROM 5)::int, cloudstack_id = id WHERE zone_id = %(zone)s;
UPDATE networks_tier SET cloudstack_id = id, vni = 20000 + (SELECT netris_id FROM networks_vpc WHERE id = vpc_id)
WHERE tenant_id = %(tenant)s;
SELECT gin_clean_pending_list(index)
FROM unnest(ARRAY['instance_by_words', 'instance_by_network']::regclass[]) AS index;
ANALYZE mirror_item, networks_vpc, networks_tier;
"""


def estate_of(crowd: Tenant, zone: Zone, many: int) -> None:
    """What both systems list of as many of the crowd's VPCs. `zone` was surveyed."""
    account = Account.unscoped.select_related("tenant", "zone").get(tenant=crowd, zone=zone)
    builders.mirrored(zone, Kind.NETRIS_NAT, [1], data={"state": "enabled", "action": "none"})
    builders.mirrored(zone, Kind.NETRIS_VNET, [1], data={"name": "vnet-0"})
    like = builders.an_instance(account, "app-0")
    values = {"zone": zone.pk, "tenant": crowd.pk, "many": many, "like": str(like)}
    with connection.cursor() as cursor:
        for statement in FILL_ESTATE.split(";\n")[:-1]:
            cursor.execute(statement, values)


#: A thousand forwards lead from each address, all to the one tier of "net 1". What triggers would do, for each row one
#: after the other, is left out.
FILL_FORWARDS = """
SET LOCAL session_replication_role = replica;
INSERT INTO addresses_publicip (id, status, created_at, address, is_chosen, name, notes, search_key, purpose,
    acquired_at, tenant_id, zone_id, vpc_id)
SELECT md5('address' || n)::uuid, 'ready', now() - n * interval '1 second', inet '203.0.0.0' + n, false, 'shop ' || n,
    '', 'shop ' || n || E'\\n\\n' || host(inet '203.0.0.0' + n), 'port_forward', now(), %(tenant)s, %(zone)s, %(vpc)s
FROM generate_series(1, %(many)s / 1000) AS n;
INSERT INTO addresses_portforward (id, status, created_at, address, instance_id, instance_name, guest_address,
    settled_at, protocol, public_first, public_last, private_first, enabled, search_key, public_ip_id, tenant_id,
    vpc_id, tier_id)
SELECT md5('forward' || n)::uuid, 'ready', now() - n * interval '1 second', inet '203.0.0.0' + n / 1000 + 1,
    md5('instance' || n %% 300)::uuid, 'web-' || n %% 300, '10.1.0.11', now(), 'tcp', n %% 1000 + 1, n %% 1000 + 1,
    n %% 1000 + 1, true, host(inet '203.0.0.0' + n / 1000 + 1) || E'\\nweb-' || n %% 300 || E'\\n10.1.0.11\\n' ||
    n %% 1000 + 1, md5('address' || n / 1000 + 1)::uuid, %(tenant)s, %(vpc)s, md5('tier1')::uuid
FROM generate_series(0, %(many)s - 1) AS n;
SET LOCAL session_replication_role = origin;
SELECT gin_clean_pending_list(index) FROM unnest(
    ARRAY['public_ip_by_words', 'forward_by_words']::regclass[]) AS index;
ANALYZE addresses_publicip, addresses_portforward;
"""


def forwards_of(crowd: Tenant, many: int) -> None:
    """As many port forwards, a multiple of a thousand, in "net 1" of the crowd."""
    vpc = Vpc.unscoped.get(pk=vpc_of_crowd(1))
    values = {"tenant": crowd.pk, "zone": vpc.zone_id, "vpc": vpc.pk, "many": many}
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in FILL_FORWARDS.split(";\n")[:-1]:
            cursor.execute(statement, values)


def a_full_vpc(crowd: Tenant) -> Vpc:
    """Twelve tiers, each with its list, 400 rules in these, 300 instances, and 40 addresses that lead to them."""
    account = Account.unscoped.get(tenant=crowd)
    vpc = builders.a_vpc(crowd, account.zone, "full", "10.200.0.0/16", cloudstack_id=uuid4(), netris_id=1)
    rule = {"action": "allow", "direction": "ingress", "protocol": "tcp", "cidrs": ["0.0.0.0/0"]}
    for number in range(12):
        tier = builders.a_tier(vpc, f"tier-{number}", f"10.200.{number}.0/24", cloudstack_id=uuid4())
        rules = [rule | {"ports": str(port)} for port in range(1, 35 if number else 27)]
        acl = builders.an_acl(vpc, f"list-{number}", rules=rules)
        TierAcl.unscoped.create(id=tier.pk, tier=tier, tenant=crowd, acl=acl, status=Status.READY)
        for each in range(25):
            builders.an_instance(account, f"web-{number}-{each}", tier=tier, address=f"10.200.{number}.{each + 10}")
        for each in range(3 if number else 7):
            place = builders.a_public_ip(vpc, f"198.51.{number}.{each + 10}")
            builders.a_port_forward(place, tier, 8000, 8009)
    return vpc


#: SoftGates that probe each member.
GATES = 4


def balancers_of(vpc: Vpc, tier: Tier, many: int, size: int = 1) -> list[Balancer]:
    """So many load balancers with members that answer, a thousand at each address; and all of it in the mirror, read a
    moment ago."""
    addresses = [builders.a_public_ip(vpc, f"198.18.{number}.1") for number in range(-(-many // 1000))]
    settled_at = clock.now() - timedelta(hours=1)
    fields = {"vpc": vpc, "tenant": vpc.tenant, "tier": tier, "status": Status.READY, "settled_at": settled_at}
    fields |= {"protocol": "tcp", "member_port": 8443, "check_kind": "tcp", "check_timeout": 2}
    rows = [
        Balancer(name=f"shop {number}", public_ip=place, address=place.address, port=number % 1000 + 1, **fields)
        for number in range(many)
        for place in [addresses[number // 1000]]
    ]
    Balancer.unscoped.bulk_create(rows, batch_size=2000)
    ids = [uuid4() for _ in range(size)]
    ends = [
        {"instance_id": each, "instance_name": f"web-{number}", "guest_address": str(tier.cidr[10 + number])}
        for number, each in enumerate(ids)
    ]
    Member.unscoped.bulk_create([Member(balancer=row, **end) for row in rows for end in ends], batch_size=5000)
    _read_of(vpc, rows, ends)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE balancers_balancer, balancers_member, mirror_item")
    return rows


def _read_of(vpc: Vpc, rows: Sequence[Balancer], ends: Sequence[dict[str, Any]]) -> None:
    now, zone = clock.now(), vpc.zone
    alive = {"type": "softgate", "lastSeen": now.timestamp() * 1000}
    for number in range(GATES):
        builders.mirrored(zone, Kind.NETRIS_DEVICE, [number + 1], data={"name": f"SoftGate-{number + 1}"} | alive)
    for end in ends:
        builders.mirrored(zone, Kind.CLOUDSTACK_INSTANCE, [end["instance_id"]], data={"state": "Running"})
    builders.mirrored(zone, Kind.NETRIS_BALANCER, [])
    sweep = SWEEPS[Kind.NETRIS_BALANCER]
    listed = [sweep.row_of(balanced_on_netris(vpc, row, number, ends)) for number, row in enumerate(rows)]
    Item.objects.bulk_create(
        [
            Item(zone=zone, kind=Kind.NETRIS_BALANCER, remote_id=key, changed_at=now, **columns)
            for key, columns in sweep.columns_of(listed).items()
        ],
        batch_size=2000,
    )


def balanced_on_netris(vpc: Vpc, row: Balancer, number: int, ends: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """As Netris lists it, all well."""
    probes = [
        {"hardware": {"id": gate + 1, "name": f"SoftGate-{gate + 1}"}, "status": {"value": "ok"}, "response": "OK"}
        for gate in range(GATES)
    ]
    backends = [{"ip": end["guest_address"], "port": row.member_port, "stats": probes} for end in ends]
    front = {"id": number + 1, "name": f"D1-A2-Z1-V3-LB{number}", "ip": str(row.address), "port": row.port}
    state = {"protocol": "TCP", "status": "enable", "healthCheck": {"TCP": {"timeOut": "2000"}}}
    return front | state | {"vpc": {"id": vpc.netris_id}, "backendIps": backends}


#: Of every three numbers that CloudStack gave out, one was lost again; the others are networks, some with their V-Nets.
#: To keep the constraint while rows come one by one would take minutes.
FILL_VNIS = """
ALTER TABLE vnis_claim DROP CONSTRAINT a_vni_has_one_first_holder;
INSERT INTO vnis_claim (id, zone_id, system, vnis, kind, holder, name, owner, is_first, began_at, seen_at)
SELECT gen_random_uuid(), %(zone)s, 'cloudstack', int8range(vni, vni + 1),
    CASE WHEN n %% 3 = 0 THEN 'lost' ELSE 'network' END, vni::text, '', 'account ' || n %% 5000, true,
    now() - (n %% 400) * interval '1 day', now()
FROM (SELECT n, n * 16 + n %% 7 AS vni FROM generate_series(1, %(many)s) AS n) AS number;
INSERT INTO vnis_claim (id, zone_id, system, vnis, kind, holder, name, owner, is_first, began_at, seen_at)
SELECT gen_random_uuid(), zone_id, 'netris', vnis, 'vnet', holder, 'D1-A2-Z1-V3-N' || holder || '-tier', owner, true,
    began_at, seen_at
FROM vnis_claim WHERE zone_id = %(zone)s AND kind = 'network' AND lower(vnis) %% 20 = 0;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE vnis_claim ADD CONSTRAINT a_vni_has_one_first_holder EXCLUDE USING gist (
    vnis WITH &&, zone_id WITH =, system WITH =, tstzrange(began_at, ended_at) WITH &&
) WHERE (is_first);
ANALYZE vnis_claim;
"""


def vnis_of(zone: Zone, many: int) -> None:
    """As many numbers that CloudStack has given out of all 16.7 million, with some of their V-Nets."""
    network = {"name": "guest", "vlan": f"1-{LAST_VNI}"}
    builders.mirrored(zone, Kind.CLOUDSTACK_POOL, ["pn-1"], data=network)
    for kind in LISTS:
        builders.mirrored(zone, kind, [])
    with connection.cursor() as cursor:
        for statement in FILL_VNIS.split(";\n")[:-1]:
            cursor.execute(statement, {"zone": zone.pk, "many": many})
    count(zone, clock.now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE vnis_block, vnis_share")
