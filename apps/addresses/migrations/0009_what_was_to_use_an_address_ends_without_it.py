from django.db import migrations

# As before, but what has used an address since before it was gone may change still: it comes to its end after that.
SERVE = """
CREATE OR REPLACE FUNCTION addresses_serve() RETURNS trigger LANGUAGE plpgsql AS $$
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
        ELSIF serves IS NULL AND TG_OP = 'UPDATE' AND OLD.status <> 'deleted' THEN
            RETURN NULL;
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


class Migration(migrations.Migration):
    dependencies = [("addresses", "0008_load_balancers_are_a_purpose")]

    operations = [migrations.RunSQL(SERVE, migrations.RunSQL.noop)]
