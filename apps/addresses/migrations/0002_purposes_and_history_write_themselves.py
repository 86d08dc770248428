from django.db import migrations

# The source NAT address of a VPC is what its `egress_ip` says.
FOLLOW = """
CREATE FUNCTION addresses_follow_egress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE addresses_publicip
    SET status = 'deleted', deleted_at = coalesce(NEW.deleted_at, clock_timestamp())
    WHERE vpc_id = NEW.id AND purpose = 'source_nat' AND status <> 'deleted'
    AND (NEW.status = 'deleted' OR NEW.egress_ip IS NULL OR address <> NEW.egress_ip);
    IF NEW.status <> 'deleted' AND NEW.egress_ip IS NOT NULL THEN
        INSERT INTO addresses_publicip (
            id, status, created_at, tenant_id, zone_id, vpc_id, address, is_chosen, name, notes, search_key, purpose,
            acquired_at
        ) VALUES (
            gen_random_uuid(), 'ready', clock_timestamp(), NEW.tenant_id, NEW.zone_id, NEW.id, NEW.egress_ip, false,
            '', '', E'\\n\\n' || host(NEW.egress_ip), 'source_nat', clock_timestamp()
        ) ON CONFLICT (vpc_id) WHERE status <> 'deleted' AND purpose = 'source_nat' DO NOTHING;
    END IF;
    RETURN NULL;
END $$
"""

# Who held it last is what a row says from the moment at which CloudStack has given the address.
REMEMBER = """
CREATE FUNCTION addresses_remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.acquired_at IS NOT NULL AND NEW.status <> 'deleted' THEN
        INSERT INTO addresses_holding (zone_id, tenant_id, address, public_ip_id, vpc_id, vpc_name, held_from)
        SELECT NEW.zone_id, NEW.tenant_id, NEW.address, NEW.id, NEW.vpc_id, vpc.name, NEW.acquired_at
        FROM networks_vpc vpc WHERE vpc.id = NEW.vpc_id
        ON CONFLICT (public_ip_id) DO NOTHING;
    ELSIF NEW.status = 'deleted' THEN
        UPDATE addresses_holding holding
        SET held_until = NEW.deleted_at, rests_until = NEW.deleted_at + zone.quarantine_hours * interval '1 hour'
        FROM zones_zone zone
        WHERE zone.id = holding.zone_id AND holding.public_ip_id = NEW.id AND holding.held_until IS NULL;
    END IF;
    RETURN NULL;
END $$
"""

# What uses an address takes it for its purpose, if nothing else has it; with the last of them the address is unused.
# The address is locked by a statement of its own: what follows sees what those have written who held it before.
SERVE = """
CREATE FUNCTION addresses_serve() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_used boolean;
    serves text;
    purpose_of text := TG_ARGV[0];
    used_id uuid := coalesce(NEW.public_ip_id, OLD.public_ip_id);
BEGIN
    SELECT purpose INTO serves FROM addresses_publicip
    WHERE id = used_id AND status <> 'deleted' FOR NO KEY UPDATE;
    IF TG_OP <> 'DELETE' AND NEW.status <> 'deleted' THEN
        IF serves = 'unused' THEN
            UPDATE addresses_publicip SET purpose = purpose_of WHERE id = used_id;
        ELSIF serves IS DISTINCT FROM purpose_of THEN
            RAISE EXCEPTION 'address_has_one_purpose: it is %', coalesce(serves, 'gone')
            USING ERRCODE = 'check_violation', CONSTRAINT = 'address_has_one_purpose';
        END IF;
    ELSIF serves = purpose_of THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE public_ip_id = $1 AND status <> ''deleted'')', TG_TABLE_NAME)
        INTO is_used USING used_id;
        IF NOT is_used THEN
            UPDATE addresses_publicip SET purpose = 'unused' WHERE id = used_id;
        END IF;
    END IF;
    RETURN NULL;
END $$
"""


def of_vpc(table, columns, referred, name):
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({columns}) "
        f"REFERENCES {referred} DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def trigger(name, when, table, call):
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} AFTER {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {call}",
        f"DROP TRIGGER {name} ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("addresses", "0001_public_ips_and_what_leads_from_them")]

    operations = [
        of_vpc(
            "addresses_publicip", "vpc_id, tenant_id", "networks_vpc (id, tenant_id)", "public_ip_tenant_of_vpc"
        ),
        migrations.RunSQL(
            "ALTER TABLE addresses_publicip ADD CONSTRAINT public_ip_as_others_have_it "
            "UNIQUE (id, vpc_id, tenant_id, address)",
            "ALTER TABLE addresses_publicip DROP CONSTRAINT public_ip_as_others_have_it",
        ),
        *(
            of_vpc(
                table,
                "public_ip_id, vpc_id, tenant_id, address",
                "addresses_publicip (id, vpc_id, tenant_id, address)",
                f"{name}_of_public_ip",
            )
            for table, name in (("addresses_staticnat", "static_nat"), ("addresses_portforward", "forward"))
        ),
        migrations.RunSQL(FOLLOW, "DROP FUNCTION addresses_follow_egress()"),
        migrations.RunSQL(REMEMBER, "DROP FUNCTION addresses_remember()"),
        migrations.RunSQL(SERVE, "DROP FUNCTION addresses_serve()"),
        trigger(
            "address_is_remembered",
            "INSERT OR UPDATE OF acquired_at, status",
            "addresses_publicip",
            "addresses_remember()",
        ),
        trigger(
            "source_nat_follows_egress", "INSERT OR UPDATE OF egress_ip, status", "networks_vpc", "addresses_follow_egress()"
        ),
        *(
            trigger(
                "address_serves_one_purpose",
                "INSERT OR UPDATE OF status OR DELETE",
                table,
                f"addresses_serve('{purpose}')",
            )
            for table, purpose in (("addresses_staticnat", "static_nat"), ("addresses_portforward", "port_forward"))
        ),
        # Those that are there.
        migrations.RunSQL("UPDATE networks_vpc SET egress_ip = egress_ip WHERE egress_ip IS NOT NULL", migrations.RunSQL.noop),
    ]
