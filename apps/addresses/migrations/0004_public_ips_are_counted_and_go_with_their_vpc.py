from django.db import migrations, models

from apps.quotas.counting import counted

# With a VPC CloudStack takes back all its addresses, and with a tier what leads into it. Nothing else is under way then:
# who cancels the removal of a VPC gets all back.
GO_ALONG = """
CREATE FUNCTION addresses_go_along() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lies_in text := TG_ARGV[0];
    part text;
BEGIN
    FOREACH part IN ARRAY string_to_array(TG_ARGV[1], ' ') LOOP
        IF NEW.status = 'deleted' THEN
            EXECUTE format('UPDATE %I SET status = ''deleted'', deleted_at = $2 WHERE %I = $1 AND status <> ''deleted''',
                part, lies_in) USING NEW.id, coalesce(NEW.deleted_at, clock_timestamp());
        ELSIF NEW.status = 'removing' THEN
            EXECUTE format('UPDATE %I SET status = ''removing'' WHERE %I = $1 AND status = ''ready''', part, lies_in)
            USING NEW.id;
        ELSE
            EXECUTE format('UPDATE %I SET status = ''ready'' WHERE %I = $1 AND status = ''removing''', part, lies_in)
            USING NEW.id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$
"""
LEADING = "addresses_staticnat addresses_portforward"


def trigger(table, column, parts):
    return migrations.RunSQL(
        f"CREATE TRIGGER addresses_go_along AFTER UPDATE OF status ON {table} FOR EACH ROW "
        "WHEN (NEW.status IN ('deleted', 'removing') AND OLD.status <> NEW.status "
        "OR NEW.status = 'ready' AND OLD.status = 'removing') "
        f"EXECUTE FUNCTION addresses_go_along('{column}', '{parts}')",
        f"DROP TRIGGER addresses_go_along ON {table}",
    )


class Migration(migrations.Migration):
    """The source NAT address of a VPC comes with it, and counts for nothing."""

    dependencies = [
        ("addresses", "0003_rows_are_changed"),
        ("quotas", "0001_limits_and_what_is_used"),
    ]

    operations = [
        *counted("public_ip", "addresses_publicip", live="status <> 'deleted' AND purpose <> 'source_nat'"),
        migrations.AddIndex("holding", models.Index(fields=["-held_from", "-public_ip_id"], name="holding_newest")),
        migrations.RunSQL(GO_ALONG, "DROP FUNCTION addresses_go_along()"),
        trigger("networks_vpc", "vpc_id", f"{LEADING} addresses_publicip"),
        trigger("networks_tier", "tier_id", LEADING),
    ]
