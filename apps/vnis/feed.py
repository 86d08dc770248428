"""Writing the ledger from the mirror: by comparing whole lists in the database, which no row ever leaves for it.

    write()     what CloudStack and Netris list now is put beside the claims that are open
        end         of what is no longer listed, or has another number now, the claim ends
        promote     where the first holder of a number is gone, the next one is the first
        begin       what is new begins: when its system says, or else when its list was read
    then ranges, blocks and shares are counted anew

Nothing is looked through while no list was read again, or all are as they were. A list that cannot be read changes
nothing: the mirror keeps what it had, and so do the claims.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max

from apps.kernel import clock
from apps.mirror.models import Item, Kind, Reading
from apps.vnis.models import Ledger
from apps.vnis.ranges import count
from apps.zones.models import Zone

LISTS = (
    Kind.CLOUDSTACK_POOL,
    Kind.CLOUDSTACK_VNI,
    Kind.CLOUDSTACK_NETWORK,
    Kind.NETRIS_VNET,
    Kind.NETRIS_VPC,
)
#: Lists that do not change are looked through so often nevertheless: what becomes of time alone changes as well.
ANEW_AFTER = timedelta(minutes=10)

#: What is listed now. The detail of a network outlives its sleep; what is no network of Netris has its number in its
#: URI alone. A number that was first listed after the networks were read may be a new one's.
LISTED = """
DROP TABLE IF EXISTS pg_temp.vnis_listed;
CREATE TEMPORARY TABLE vnis_listed ON COMMIT DROP AS
WITH network AS (
    SELECT item.*, coalesce(
        nullif(data->'details'->>'netrisvxlanid', ''), split_part(data->>'broadcasturi', '://', 2)
    ) AS number
    FROM mirror_item item WHERE zone_id = %(zone)s AND kind = 'cloudstack.network'
), owner AS (
    SELECT DISTINCT ON (tier.cloudstack_id) tier.cloudstack_id::text AS cloudstack_id, tenant.id, tenant.name
    FROM networks_tier tier JOIN tenancy_tenant tenant ON tenant.id = tier.tenant_id
    ORDER BY tier.cloudstack_id, tier.created_at DESC
), tier AS (
    SELECT DISTINCT ON (tier.netris_id) tier.netris_id::text AS netris_id, tenant.id, tenant.name
    FROM networks_tier tier JOIN networks_vpc vpc ON vpc.id = tier.vpc_id JOIN tenancy_tenant tenant
    ON tenant.id = tier.tenant_id WHERE vpc.zone_id = %(zone)s ORDER BY tier.netris_id, tier.created_at DESC
), vpc AS (
    SELECT DISTINCT ON (vpc.netris_id) vpc.netris_id::text AS netris_id, tenant.id, tenant.name
    FROM networks_vpc vpc JOIN tenancy_tenant tenant ON tenant.id = vpc.tenant_id
    WHERE vpc.zone_id = %(zone)s ORDER BY vpc.netris_id, vpc.created_at DESC
), listed AS (
    SELECT 'cloudstack' AS system, 'network' AS kind, network.remote_id AS holder, network.number, network.name,
        owner.id AS tenant_id, coalesce(owner.name, network.data->>'account', '') AS owner,
        network.data->>'created' AS told, %(networks)s::timestamptz AS read_at
    FROM network LEFT JOIN owner ON owner.cloudstack_id = network.remote_id
    UNION ALL
    SELECT DISTINCT ON (item.key) 'cloudstack', CASE WHEN item.changed_at <= %(networks)s THEN 'lost' ELSE 'taken' END,
        item.key, item.key, '', NULL, '', item.data->>'taken', %(numbers)s
    FROM mirror_item item WHERE item.zone_id = %(zone)s AND item.kind = 'cloudstack.vni'
    AND NOT EXISTS (SELECT FROM network WHERE network.number = item.key)
    UNION ALL
    SELECT 'netris', 'vnet', item.remote_id, item.key, item.name, tier.id, coalesce(tier.name, ''), NULL, %(vnets)s
    FROM mirror_item item LEFT JOIN tier ON tier.netris_id = item.remote_id
    WHERE item.zone_id = %(zone)s AND item.kind = 'netris.vnet'
    UNION ALL
    SELECT 'netris', 'vpc', item.remote_id, item.data->>'vni', item.name, vpc.id, coalesce(vpc.name, ''), NULL, %(vpcs)s
    FROM mirror_item item LEFT JOIN vpc ON vpc.netris_id = item.remote_id
    WHERE item.zone_id = %(zone)s AND item.kind = 'netris.vpc'
)
SELECT system, kind, holder, number::bigint AS vni, name, tenant_id, owner,
    CASE WHEN nullif(told, '')::timestamptz <= %(now)s THEN told::timestamptz END AS told,
    coalesce(read_at, %(now)s) AS read_at
FROM listed WHERE number ~ '^[0-9]{1,8}$';
ANALYZE vnis_listed;
"""

END = """
UPDATE vnis_claim claim SET ended_at = greatest(
    claim.began_at,
    CASE claim.kind WHEN 'network' THEN %(networks)s WHEN 'vnet' THEN %(vnets)s WHEN 'vpc' THEN %(vpcs)s
    ELSE %(numbers)s END
) WHERE zone_id = %(zone)s AND ended_at IS NULL AND NOT EXISTS (
    SELECT FROM vnis_listed listed WHERE listed.system = claim.system AND listed.kind = claim.kind
    AND listed.holder = claim.holder AND listed.vni = lower(claim.vnis)
)
"""

PROMOTE = """
WITH next AS (
    SELECT DISTINCT ON (system, vnis) id FROM vnis_claim claim
    WHERE zone_id = %(zone)s AND ended_at IS NULL AND NOT is_first AND NOT EXISTS (
        SELECT FROM vnis_claim first WHERE first.zone_id = claim.zone_id AND first.system = claim.system
        AND lower(first.vnis) = lower(claim.vnis) AND first.is_first AND first.ended_at IS NULL
    ) ORDER BY system, vnis, began_at, id
), over AS (
    UPDATE vnis_claim claim SET ended_at = greatest(claim.began_at, (
        SELECT max(first.ended_at) FROM vnis_claim first WHERE first.zone_id = claim.zone_id
        AND first.system = claim.system AND lower(first.vnis) = lower(claim.vnis) AND first.ended_at IS NOT NULL
        AND first.is_first
    )) FROM next WHERE claim.id = next.id RETURNING claim.*
)
INSERT INTO vnis_claim
    (id, zone_id, system, vnis, kind, holder, name, tenant_id, owner, is_first, began_at, seen_at)
SELECT gen_random_uuid(), zone_id, system, vnis, kind, holder, name, tenant_id, owner, true, ended_at, seen_at FROM over
"""

BEGIN = """
WITH fresh AS (
    SELECT listed.*, greatest(coalesce(told, read_at), (
        SELECT max(past.ended_at) FROM vnis_claim past WHERE past.zone_id = %(zone)s AND past.ended_at IS NOT NULL
        AND lower(past.vnis) = listed.vni AND past.system = listed.system
    ), (
        SELECT max(past.ended_at) FROM vnis_claim past WHERE past.zone_id = %(zone)s AND past.ended_at IS NOT NULL
        AND past.system = listed.system AND past.kind = listed.kind AND past.holder = listed.holder
    )) AS began_at
    FROM vnis_listed listed WHERE NOT EXISTS (
        SELECT FROM vnis_claim claim WHERE claim.zone_id = %(zone)s AND claim.ended_at IS NULL
        AND claim.system = listed.system AND claim.kind = listed.kind AND claim.holder = listed.holder
    )
)
INSERT INTO vnis_claim
    (id, zone_id, system, vnis, kind, holder, name, tenant_id, owner, is_first, began_at, seen_at)
SELECT gen_random_uuid(), %(zone)s, system, int8range(vni, vni + 1), kind, holder, name, tenant_id, owner,
    row_number() OVER (PARTITION BY system, vni ORDER BY began_at, kind, holder) = 1 AND NOT EXISTS (
        SELECT FROM vnis_claim first WHERE first.zone_id = %(zone)s AND first.system = fresh.system
        AND lower(first.vnis) = fresh.vni AND first.is_first AND first.ended_at IS NULL
    ), began_at, %(now)s
FROM fresh
"""

RENAME = """
UPDATE vnis_claim claim SET name = listed.name, tenant_id = listed.tenant_id, owner = listed.owner
FROM vnis_listed listed WHERE claim.zone_id = %(zone)s AND claim.ended_at IS NULL AND listed.system = claim.system
AND listed.kind = claim.kind AND listed.holder = claim.holder
AND (claim.name, claim.tenant_id, claim.owner) IS DISTINCT FROM (listed.name, listed.tenant_id, listed.owner)
"""


@transaction.atomic
def write(zone: Zone) -> bool:
    """Whether anything had changed, or is to be looked through again. Who finds another at it leaves it to them."""
    Ledger.objects.get_or_create(zone=zone)
    ledger = Ledger.objects.select_for_update(skip_locked=True, no_key=True).filter(zone=zone).first()
    readings = {Kind(each.kind): each.read_at for each in Reading.objects.filter(zone=zone, kind__in=LISTS)}
    if ledger is None or not any(readings.values()):
        return False
    now = clock.now()
    is_time = ledger.looked_at is None or now - ledger.looked_at >= ANEW_AFTER
    basis = {kind.value: at.isoformat() for kind, at in readings.items() if at}
    if basis == ledger.basis and not is_time:
        return False
    state = _state(zone)
    is_new = is_time or ledger.is_pending or state != ledger.state
    if is_new:
        _compare(zone, readings, now)
        count(zone, now)
        ledger.state, ledger.looked_at, ledger.is_pending = state, now, _is_pending(zone)
    ledger.basis = basis
    ledger.save()
    return is_new


def _state(zone: Zone) -> str:
    """Another one when a row of the lists has come, gone or changed."""
    rows = Item.objects.filter(zone=zone, kind__in=LISTS).order_by("kind").values_list("kind")
    return " ".join(
        f"{kind}:{many}:{at.timestamp()}" for kind, many, at in rows.annotate(Count("pk"), Max("changed_at"))
    )


def _compare(zone: Zone, readings: dict[Kind, datetime | None], now: datetime) -> None:
    values: dict[str, Any] = {
        "zone": zone.pk,
        "now": now,
        "networks": readings.get(Kind.CLOUDSTACK_NETWORK),
        "numbers": readings.get(Kind.CLOUDSTACK_VNI),
        "vnets": readings.get(Kind.NETRIS_VNET),
        "vpcs": readings.get(Kind.NETRIS_VPC),
    }
    with connection.cursor() as cursor:
        for statement in (*LISTED.split(";\n"), END, PROMOTE, BEGIN, RENAME):
            if statement.strip():
                cursor.execute(statement, values)


def _is_pending(zone: Zone) -> bool:
    """Numbers that may be a new network's are lost, if the next list of networks has none for them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM vnis_listed WHERE kind = 'taken')")
        [(is_pending,)] = cursor.fetchall()
    return bool(is_pending)
