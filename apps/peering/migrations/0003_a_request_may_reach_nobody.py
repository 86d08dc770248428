import django.db.models.deletion
from django.db import migrations, models

WRITTEN = """
UPDATE peering_peering SET asked_of = asked.slug FROM tenancy_tenant AS asked
WHERE asked.id = peer_tenant_id AND peer_tenant_id <> tenant_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("peering", "0002_peerings_are_attached_to_both_vpcs"),
        ("tenancy", "0016_limits_have_a_table_of_their_own"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="peering", name="peering_has_two_vpcs"),
        migrations.RemoveConstraint(model_name="peering", name="peering_is_asked_once"),
        migrations.AddField(
            model_name="peering",
            name="asked_of",
            field=models.CharField(blank=True, db_default="", default="", max_length=32),
        ),
        migrations.RunSQL(WRITTEN, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="peering",
            name="peer_tenant",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenancy.tenant",
            ),
        ),
        migrations.AddConstraint(
            model_name="peering",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("stage", "accepted"), _negated=True),
                    models.Q(
                        ("peer_tenant__isnull", False),
                        ("peer_vpc__isnull", False),
                        models.Q(("peer_vpc", models.F("vpc")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="peering_has_two_vpcs",
            ),
        ),
        migrations.AddConstraint(
            model_name="peering",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    models.Q(("status", "deleted"), _negated=True),
                    ("stage", "requested"),
                ),
                fields=("vpc", "asked_of", "name_key"),
                name="peering_is_asked_once",
            ),
        ),
    ]
