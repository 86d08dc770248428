from django.db import migrations

CONNECTION = "directconnect_connection"
INTERFACE = "directconnect_interface"
LOCATION = "directconnect_location"
PORT = "directconnect_fabricport"
ENTRY = "directconnect_stageentry"


def unique(table, name, columns):
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({columns})", f"ALTER TABLE {table} DROP CONSTRAINT {name}"
    )


def refers(table, name, columns, other, to):
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {other} ({to}) "
        "DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("directconnect", "0001_locations_orders_and_interfaces"),
        ("networks", "0008_usage_and_ways_to_many_rows"),
    ]

    operations = [
        unique(LOCATION, "location_id_and_zone", "id, zone_id"),
        unique(PORT, "port_id_location_and_kind", "id, location_id, kind"),
        unique(CONNECTION, "connection_id_and_tenant", "id, tenant_id"),
        refers(PORT, "port_zone_of_location", "location_id, zone_id", LOCATION, "id, zone_id"),
        refers(CONNECTION, "port_of_its_location", "port_id, location_id, kind", PORT, "id, location_id, kind"),
        refers(CONNECTION, "connection_apart_from_own", "apart_from_id, tenant_id", CONNECTION, "id, tenant_id"),
        refers(INTERFACE, "interface_of_connection", "connection_id, tenant_id", CONNECTION, "id, tenant_id"),
        refers(INTERFACE, "interface_of_vpc", "vpc_id, tenant_id", "networks_vpc", "id, tenant_id"),
        migrations.RunSQL(
            "CREATE FUNCTION directconnect_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'entries_are_never_changed' "
            "USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_are_never_changed'; END $$",
            "DROP FUNCTION directconnect_append_only()",
        ),
        migrations.RunSQL(
            f"CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON {ENTRY} "
            "FOR EACH ROW EXECUTE FUNCTION directconnect_append_only()",
            f"DROP TRIGGER entries_are_never_changed ON {ENTRY}",
        ),
    ]
