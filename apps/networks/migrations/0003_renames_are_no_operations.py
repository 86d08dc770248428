from django.db import migrations

WHICH = "kind IN ('vpc-rename', 'tier-rename')"


class Migration(migrations.Migration):
    """A rename is a change of a row now, and nobody knows how to read the operations that renames used to be.

    The rows have had their new names since the renames were asked for, and the audit log says by whom.
    """

    dependencies = [
        ("networks", "0002_tiers_keep_their_vpcs_range"),
        ("operations", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(
            [
                f"DELETE FROM operations_event WHERE operation_id IN (SELECT id FROM operations_operation WHERE {WHICH})",
                f"DELETE FROM operations_operation WHERE {WHICH}",
            ],
            migrations.RunSQL.noop,
            elidable=True,
        )
    ]
