"""A tenant with very many VPCs, written in the database by itself: one by one they would take hours."""

from __future__ import annotations

from hashlib import md5
from uuid import UUID

from django.db import connection

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
