"""A tenant with very many VPCs, written in the database by itself: one by one they would take hours."""

from __future__ import annotations

from hashlib import md5
from uuid import UUID, uuid4

from django.db import connection, transaction

from apps.accounts.models import Account
from apps.acls.models import TierAcl
from apps.networks.models import Vpc
from apps.operations.provisioned import Status
from apps.tenancy.models import Tenant
from tests import builders

#: Each VPC has an operation and an audit entry, and every fourth a tier.
FILL = """
INSERT INTO networks_vpc (id, status, created_at, name, name_key, description, search_key, cidr, tenant_id, zone_id)
SELECT md5('vpc' || n)::uuid, 'ready', now() - n * interval '1 second', 'net ' || n, 'net ' || n, '',
    'net ' || n || E'\\n\\n10.',
    (('10.' || n %% 250 || '.' || n / 250 %% 16 * 16 || '.0/20'))::cidr, %(tenant)s, %(zone)s
FROM generate_series(1, %(many)s) AS n;
INSERT INTO networks_tier (id, status, created_at, name, name_key, search_key, cidr, vpc_cidr, vpc_id, tenant_id)
SELECT md5('tier' || n)::uuid, 'ready', now() - n * interval '1 second', 'web', 'web', 'web', set_masklen(vpc.cidr, 24),
    vpc.cidr, vpc.id, %(tenant)s
FROM generate_series(1, %(many)s, 4) AS n JOIN networks_vpc vpc ON vpc.id = md5('vpc' || n)::uuid;
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


def a_crowd(many: int) -> Tenant:
    """The tenant "Crowd". Its VPCs are called "net 1", "net 2" ... and share some 4,000 ranges."""
    tenant = builders.a_tenant("Crowd", max_vpcs=10_000_000, max_tiers=10_000_000)
    zone = builders.a_zone()
    builders.an_account(tenant, zone)
    with connection.cursor() as cursor:
        for statement in FILL.split(";\n")[:-1]:
            cursor.execute(statement, {"tenant": tenant.pk, "zone": zone.pk, "many": many})
    return tenant


def vpc_of_crowd(number: int) -> UUID:
    """The id of "net <number>"."""
    return UUID(md5(f"vpc{number}".encode(), usedforsecurity=False).hexdigest())


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
