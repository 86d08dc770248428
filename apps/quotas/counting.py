"""For migrations: what makes the database count the rows of a table.

    operations = [*counted("public_ip", "addresses_publicip")]
    operations = [*counted("acl_rule", "acls_accesslist", amount="rule_count")]

The migration depends on `("quotas", "0001_limits_and_what_is_used")`. The table has a `tenant_id`, and the rows that
are in it are counted too. A resource may lie in several tables, and a table may count as several resources.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import RunSQL

# A statement counts what it brings to life or takes out of it. Old and new rows are told apart by their names: a branch
# that has no use for one of them never looks at it. An update adds and takes away in two statements: a row that is to
# be inserted may not be below zero, not even where it would be added to another.
COUNT = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO quotas_usage AS known (tenant_id, resource, used)
        SELECT tenant_id, '{resource}', amount FROM ({new}) AS gained WHERE amount > 0 ORDER BY tenant_id
        ON CONFLICT (tenant_id, resource) DO UPDATE SET used = known.used + excluded.used;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO quotas_usage AS known (tenant_id, resource, used)
        SELECT tenant_id, '{resource}', amount FROM ({changed}) AS gained WHERE amount > 0 ORDER BY tenant_id
        ON CONFLICT (tenant_id, resource) DO UPDATE SET used = known.used + excluded.used;
        UPDATE quotas_usage known SET used = known.used + lost.amount FROM ({changed}) AS lost
        WHERE lost.amount < 0 AND known.tenant_id = lost.tenant_id AND known.resource = '{resource}';
    ELSE
        UPDATE quotas_usage known SET used = known.used - gone.amount FROM ({old}) AS gone
        WHERE gone.amount > 0 AND known.tenant_id = gone.tenant_id AND known.resource = '{resource}';
    END IF;
    RETURN NULL;
END $$
"""
SUMMED = "SELECT tenant_id, sum({amount}) AS amount FROM {rows} WHERE {live} GROUP BY tenant_id"
CHANGED = """
SELECT tenant_id, sum(amount) AS amount FROM (
    SELECT tenant_id, {amount} AS amount FROM new_rows WHERE {live}
    UNION ALL SELECT tenant_id, -({amount}) FROM old_rows WHERE {live}
) AS signed GROUP BY tenant_id
"""
THERE = """
INSERT INTO quotas_usage AS known (tenant_id, resource, used)
SELECT tenant_id, '{resource}', amount FROM ({there}) AS there WHERE amount > 0
ON CONFLICT (tenant_id, resource) DO UPDATE SET used = known.used + excluded.used
"""
THERE_NO_MORE = """
UPDATE quotas_usage known SET used = known.used - there.amount FROM ({there}) AS there
WHERE known.tenant_id = there.tenant_id AND known.resource = '{resource}'
"""
#: Transition tables cannot be had by a trigger for several events.
EVENTS = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}


def counted(resource: str, table: str, *, live: str = "status <> 'deleted'", amount: str = "1") -> Iterator[RunSQL]:
    """Count as a resource the rows of a table for which `live` is true: `amount` is what each of them counts.
    Both are SQL over the columns of the table."""

    name = _name(resource, table)
    yield RunSQL(_count(resource, table, live, amount), f"DROP FUNCTION {name}()")
    for event, rows in EVENTS.items():
        trigger = f"count_{resource}_{event.lower()}"
        yield RunSQL(
            f"CREATE TRIGGER {trigger} AFTER {event} ON {table} REFERENCING {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
            f"DROP TRIGGER {trigger} ON {table}",
        )
    # Behind the triggers, whose making has waited for whoever was writing.
    there = {"resource": resource, "there": SUMMED.format(rows=table, live=live, amount=amount)}
    yield RunSQL(THERE.format(**there), THERE_NO_MORE.format(**there))


def counted_otherwise(
    resource: str, table: str, *, live: str = "status <> 'deleted'", amount: str, before: str
) -> Iterator[RunSQL]:
    """From now on the rows of a table that is counted already count for another amount. It is the same as `before` for
    all that are there: they are not counted anew."""
    yield RunSQL(_count(resource, table, live, amount), _count(resource, table, live, before))


def _name(resource: str, table: str) -> str:
    return f"quotas_count_{resource}_of_{table}"


def _count(resource: str, table: str, live: str, amount: str) -> str:
    new, old = (SUMMED.format(rows=rows, live=live, amount=amount) for rows in ("new_rows", "old_rows"))
    changed = CHANGED.format(live=live, amount=amount)
    return COUNT.format(name=_name(resource, table), resource=resource, new=new, old=old, changed=changed)
