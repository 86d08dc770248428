import uuid

from django.db import migrations, models

# The numbers of before stand nowhere but in the audit log, as text.
SQL = """
    ALTER TABLE tenancy_membership DROP COLUMN id;
    ALTER TABLE tenancy_membership ADD COLUMN id uuid DEFAULT gen_random_uuid() PRIMARY KEY;
    ALTER TABLE tenancy_membership ALTER COLUMN id DROP DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0008_audit_entries_are_found_by_an_index")]
    operations = [
        migrations.RunSQL(
            SQL,
            state_operations=[
                migrations.AlterField(
                    "membership",
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
            ],
        ),
    ]
