import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import apps.kernel.named

LIVE = models.Q(("status", "deleted"), _negated=True)

# A statement counts the rows that it brings to life or takes out of it. Old and new rows are told apart by their names:
# a branch that has no use for one of them never looks at it.
COUNT = """
CREATE FUNCTION networks_count_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO networks_usage AS known (tenant_id, vpcs, tiers)
        SELECT tenant_id, count(*) * (TG_ARGV[0] = 'vpcs')::int, count(*) * (TG_ARGV[0] = 'tiers')::int
        FROM new_rows WHERE status <> 'deleted' GROUP BY tenant_id ORDER BY tenant_id
        ON CONFLICT (tenant_id) DO UPDATE
        SET vpcs = known.vpcs + excluded.vpcs, tiers = known.tiers + excluded.tiers;
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE networks_usage known
        SET vpcs = known.vpcs + changed.rows * (TG_ARGV[0] = 'vpcs')::int,
            tiers = known.tiers + changed.rows * (TG_ARGV[0] = 'tiers')::int
        FROM (
            SELECT tenant_id, sum(sign) AS rows FROM (
                SELECT tenant_id, 1 AS sign FROM new_rows WHERE status <> 'deleted'
                UNION ALL SELECT tenant_id, -1 FROM old_rows WHERE status <> 'deleted'
            ) AS signed GROUP BY tenant_id HAVING sum(sign) <> 0
        ) AS changed
        WHERE known.tenant_id = changed.tenant_id;
    ELSE
        UPDATE networks_usage known
        SET vpcs = known.vpcs - gone.rows * (TG_ARGV[0] = 'vpcs')::int,
            tiers = known.tiers - gone.rows * (TG_ARGV[0] = 'tiers')::int
        FROM (SELECT tenant_id, count(*) AS rows FROM old_rows WHERE status <> 'deleted' GROUP BY tenant_id) AS gone
        WHERE known.tenant_id = gone.tenant_id;
    END IF;
    RETURN NULL;
END $$
"""


def triggers(table, column):
    # Transition tables cannot be had by a trigger for several events.
    for event, rows in (
        ("INSERT", "NEW TABLE AS new_rows"),
        ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("DELETE", "OLD TABLE AS old_rows"),
    ):
        name = f"count_{column}_{event.lower()}"
        yield migrations.RunSQL(
            f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION networks_count_usage('{column}')",
            f"DROP TRIGGER {name} ON {table}",
        )


class Migration(migrations.Migration):
    """A tier has its tenant, which is its VPC's whatever writes it; and what a tenant has is counted as it changes."""

    dependencies = [
        ("networks", "0007_names_that_look_the_same_are_one"),
        ("tenancy", "0008_audit_entries_are_found_by_an_index"),
    ]

    operations = [
        migrations.AddField(
            "tier",
            "tenant",
            models.ForeignKey(
                null=True, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.tenant"
            ),
        ),
        migrations.RunSQL(
            "UPDATE networks_tier SET tenant_id = vpc.tenant_id FROM networks_vpc vpc WHERE vpc.id = vpc_id",
            migrations.RunSQL.noop,
        ),
        # Rows that were just written cannot be altered while their checks are put off.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            "tier",
            "tenant",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenancy.tenant"
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE networks_vpc ADD CONSTRAINT vpc_id_and_tenant UNIQUE (id, tenant_id)",
            "ALTER TABLE networks_vpc DROP CONSTRAINT vpc_id_and_tenant",
        ),
        migrations.RunSQL(
            "ALTER TABLE networks_tier ADD CONSTRAINT tier_tenant_of_vpc "
            "FOREIGN KEY (vpc_id, tenant_id) REFERENCES networks_vpc (id, tenant_id) DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE networks_tier DROP CONSTRAINT tier_tenant_of_vpc",
        ),
        migrations.CreateModel(
            "Usage",
            [
                (
                    "tenant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="tenancy.tenant",
                    ),
                ),
                ("vpcs", models.PositiveIntegerField(default=0, db_default=0)),
                ("tiers", models.PositiveIntegerField(default=0, db_default=0)),
            ],
            managers=[("unscoped", models.Manager())],
        ),
        migrations.RunSQL(
            "INSERT INTO networks_usage (tenant_id, vpcs, tiers) SELECT id, "
            "(SELECT count(*) FROM networks_vpc vpc WHERE vpc.tenant_id = tenant.id AND vpc.status <> 'deleted'), "
            "(SELECT count(*) FROM networks_tier tier WHERE tier.tenant_id = tenant.id AND tier.status <> 'deleted') "
            "FROM tenancy_tenant tenant",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(COUNT, "DROP FUNCTION networks_count_usage()"),
        *triggers("networks_vpc", "vpcs"),
        *triggers("networks_tier", "tiers"),
        migrations.AlterField("vpc", "search_key", apps.kernel.named.Key("name", "description", "cidr", default="", editable=False)),
        migrations.RunSQL(
            "UPDATE networks_vpc SET search_key = search_key || E'\\n' || cidr",
            "UPDATE networks_vpc SET search_key = regexp_replace(search_key, E'\\n[^\\n]*$', '')",
        ),
        migrations.AddField("tier", "search_key", apps.kernel.named.Key("name", "cidr", default="", editable=False)),
        migrations.RunSQL(
            "UPDATE networks_tier SET search_key = name_key || E'\\n' || cidr",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddIndex(
            "tier",
            django.contrib.postgres.indexes.GinIndex(
                condition=LIVE, fields=["search_key"], name="tier_by_words", opclasses=["gin_trgm_ops"]
            ),
        ),
        migrations.AddIndex("vpc", models.Index(fields=("tenant", "egress_ip"), condition=LIVE, name="vpc_by_egress")),
        migrations.AddIndex("vpc", models.Index(fields=("tenant", "cidr", "id"), condition=LIVE, name="vpc_by_range")),
        migrations.AddIndex(
            "vpc",
            django.contrib.postgres.indexes.GistIndex(
                models.F("tenant"),
                django.contrib.postgres.indexes.OpClass("cidr", name="inet_ops"),
                condition=LIVE,
                name="vpc_overlaps",
            ),
        ),
        migrations.AddIndex(
            "vpc",
            django.contrib.postgres.indexes.GinIndex(
                condition=LIVE, fields=["search_key"], name="vpc_by_words", opclasses=["gin_trgm_ops"]
            ),
        ),
        migrations.AddIndex("tier", models.Index(fields=("tenant", "-created_at", "-id"), condition=LIVE, name="tier_by_age")),
    ]
