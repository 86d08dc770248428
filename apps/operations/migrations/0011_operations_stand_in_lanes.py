from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("operations", "0010_failures_are_dismissed")]
    operations = [
        migrations.AddField("operation", "lane", models.CharField(default="", max_length=64), preserve_default=False),
        migrations.AddField("operation", "place", models.PositiveIntegerField(default=0)),
        migrations.AddField("operation", "waits", models.BooleanField(default=False)),
        migrations.RunSQL("UPDATE operations_operation SET lane = lock_key", migrations.RunSQL.noop),
    ]
