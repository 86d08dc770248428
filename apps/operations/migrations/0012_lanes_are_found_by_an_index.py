from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operations", "0011_operations_stand_in_lanes")]
    operations = [
        migrations.RemoveIndex("operation", "operation_by_lock"),
        migrations.AddIndex(
            "operation", models.Index(fields=["lane", "-created_at", "-id"], name="operation_by_lane")
        ),
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["lane", "place"],
                condition=models.Q(("phase__in", ["building", "queued", "removing"])),
                name="operation_line",
            ),
        ),
        migrations.AddConstraint(
            "operation",
            models.CheckConstraint(condition=models.Q(("lane", ""), _negated=True), name="operation_has_a_lane"),
        ),
    ]
