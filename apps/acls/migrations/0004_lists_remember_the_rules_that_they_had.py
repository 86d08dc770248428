import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0003_waiting_changes_reserve_their_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="PastRules",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.PositiveIntegerField()),
                ("rules", models.JSONField()),
                ("denies_rest", models.BooleanField()),
                (
                    "acl",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="past",
                        to="acls.acl",
                    ),
                ),
            ],
            options={
                "verbose_name": "rules that a list had",
                "ordering": ("-version",),
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddConstraint(
            model_name="pastrules",
            constraint=models.UniqueConstraint(fields=("acl", "version"), name="past_rules_of_a_version_are_one"),
        ),
    ]
