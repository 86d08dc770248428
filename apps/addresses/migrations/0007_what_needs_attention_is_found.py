from django.db import migrations, models

# Whoever writes the purpose writes this as well, and so it is true whatever wrote that.
IDLE = """
CREATE FUNCTION addresses_idle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.purpose <> 'unused' OR NEW.acquired_at IS NULL THEN
        NEW.unused_since := NULL;
    ELSIF TG_OP = 'INSERT' OR OLD.purpose <> 'unused' OR OLD.acquired_at IS NULL THEN
        NEW.unused_since := clock_timestamp();
    END IF;
    RETURN NEW;
END $$
"""


class Migration(migrations.Migration):

    dependencies = [
        ('addresses', '0006_what_leads_from_addresses_is_found_by_them'),
        ('networks', '0010_changes_carry_what_is_wanted'),
        ('tenancy', '0016_limits_have_a_table_of_their_own'),
        ('zones', '0008_public_ips_rest_after_their_release'),
    ]

    operations = [
        migrations.AddField(
            model_name='portforward',
            name='missing_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='publicip',
            name='unused_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='staticnat',
            name='missing_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name='portforward',
            index=models.Index(condition=models.Q(models.Q(('status', 'deleted'), _negated=True), ('missing_since__isnull', False)), fields=['tenant', 'missing_since', 'id'], name='forward_missing'),
        ),
        migrations.AddIndex(
            model_name='portforward',
            index=models.Index(condition=models.Q(models.Q(('status', 'deleted'), _negated=True), ('missing_since__isnull', False)), fields=['vpc', 'missing_since', 'id'], name='forward_missing_in_vpc'),
        ),
        migrations.AddIndex(
            model_name='publicip',
            index=models.Index(condition=models.Q(models.Q(('status', 'deleted'), _negated=True), ('purpose', 'unused')), fields=['tenant', 'unused_since', 'id'], name='public_ip_by_rest'),
        ),
        migrations.AddIndex(
            model_name='staticnat',
            index=models.Index(condition=models.Q(models.Q(('status', 'deleted'), _negated=True), ('missing_since__isnull', False)), fields=['tenant', 'missing_since', 'id'], name='static_nat_missing'),
        ),
        migrations.AddIndex(
            model_name='staticnat',
            index=models.Index(condition=models.Q(models.Q(('status', 'deleted'), _negated=True), ('missing_since__isnull', False)), fields=['vpc', 'missing_since', 'id'], name='static_nat_missing_in_vpc'),
        ),
        migrations.RunSQL(IDLE, "DROP FUNCTION addresses_idle()"),
        migrations.RunSQL(
            "CREATE TRIGGER address_is_idle BEFORE INSERT OR UPDATE OF purpose, acquired_at ON addresses_publicip "
            "FOR EACH ROW EXECUTE FUNCTION addresses_idle()",
            "DROP TRIGGER address_is_idle ON addresses_publicip",
        ),
        # When those that are there were used last is not known.
        migrations.RunSQL(
            "UPDATE addresses_publicip SET unused_since = clock_timestamp() "
            "WHERE purpose = 'unused' AND acquired_at IS NOT NULL",
            migrations.RunSQL.noop,
        ),
    ]
