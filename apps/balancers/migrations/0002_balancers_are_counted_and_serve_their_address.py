from django.db import migrations

from apps.quotas.counting import counted

TABLE = "balancers_balancer"


def goes_along(table, column):
    """With a VPC, and with a tier, CloudStack takes its load balancers away."""
    return migrations.RunSQL(
        f"CREATE TRIGGER balancers_go_along AFTER UPDATE OF status ON {table} FOR EACH ROW "
        "WHEN (NEW.status IN ('deleted', 'removing') AND OLD.status <> NEW.status "
        "OR NEW.status = 'ready' AND OLD.status = 'removing') "
        f"EXECUTE FUNCTION addresses_go_along('{column}', '{TABLE}')",
        f"DROP TRIGGER balancers_go_along ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("balancers", "0001_load_balancers_and_their_members"),
        ("addresses", "0004_public_ips_are_counted_and_go_with_their_vpc"),
        ("quotas", "0001_limits_and_what_is_used"),
    ]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT balancer_of_public_ip "
            "FOREIGN KEY (public_ip_id, vpc_id, tenant_id, address) "
            "REFERENCES addresses_publicip (id, vpc_id, tenant_id, address) DEFERRABLE INITIALLY DEFERRED",
            f"ALTER TABLE {TABLE} DROP CONSTRAINT balancer_of_public_ip",
        ),
        migrations.RunSQL(
            f"CREATE TRIGGER address_serves_one_purpose AFTER INSERT OR UPDATE OF status OR DELETE ON {TABLE} "
            "FOR EACH ROW EXECUTE FUNCTION addresses_serve('load_balancer')",
            f"DROP TRIGGER address_serves_one_purpose ON {TABLE}",
        ),
        *counted("load_balancer", TABLE),
        goes_along("networks_vpc", "vpc_id"),
        goes_along("networks_tier", "tier_id"),
    ]
