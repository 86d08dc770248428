from importlib import import_module

from django.db import migrations

from apps.quotas.counting import counted

before = import_module("apps.networks.migrations.0008_usage_and_ways_to_many_rows")

OLD = [
    migrations.RunSQL(before.COUNT, "DROP FUNCTION networks_count_usage()"),
    *before.triggers("networks_vpc", "vpcs"),
    *before.triggers("networks_tier", "tiers"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("networks", "0008_usage_and_ways_to_many_rows"),
        ("quotas", "0001_limits_and_what_is_used"),
    ]

    operations = [
        *(migrations.RunSQL(each.reverse_sql, each.sql) for each in reversed(OLD)),
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "INSERT INTO networks_usage (tenant_id, vpcs, tiers) SELECT id, "
            "(SELECT count(*) FROM networks_vpc vpc WHERE vpc.tenant_id = tenant.id AND vpc.status <> 'deleted'), "
            "(SELECT count(*) FROM networks_tier tier WHERE tier.tenant_id = tenant.id AND tier.status <> 'deleted') "
            "FROM tenancy_tenant tenant",
        ),
        migrations.DeleteModel("Usage"),
        *counted("vpc", "networks_vpc"),
        *counted("tier", "networks_tier"),
    ]
