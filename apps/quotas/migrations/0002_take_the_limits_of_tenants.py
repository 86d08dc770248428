from django.db import migrations

#: What every tenant had whose limits nobody had changed.
WERE = (("vpc", "max_vpcs", 20), ("tier", "max_tiers", 60))


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_limits_and_what_is_used")]

    operations = [
        migrations.RunSQL(
            f"INSERT INTO quotas_limit (tenant_id, resource, most) "
            f"SELECT id, '{resource}', {column} FROM tenancy_tenant WHERE {column} <> {default}",
            f"UPDATE tenancy_tenant SET {column} = most FROM quotas_limit known "
            f"WHERE known.tenant_id = tenancy_tenant.id AND resource = '{resource}'; "
            f"DELETE FROM quotas_limit WHERE resource = '{resource}'",
        )
        for resource, column, default in WERE
    ]
