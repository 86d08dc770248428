from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0002_operations_are_held"),
    ]

    operations = [
        migrations.AddField(
            model_name="operation",
            name="own_words",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="operation",
            name="turned_by",
            field=models.JSONField(default=dict),
        ),
    ]
