from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0008_stuck_operations_can_be_given_up"),
        ("tenancy", "0008_audit_entries_are_found_by_an_index"),
    ]
    operations = [
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=("tenant", "-created_at", "-id"),
                condition=models.Q(("phase__in", ["given_up", "rolled_back"])),
                name="operation_ended_badly",
            ),
        ),
        migrations.AddIndex("operation", GinIndex(fields=["search_key"], name="operation_by_words", opclasses=["gin_trgm_ops"])),
    ]
