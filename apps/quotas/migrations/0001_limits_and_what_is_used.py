import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [("tenancy", "0015_invitations_know_whose_they_are")]

    operations = [
        migrations.CreateModel(
            "Limit",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("resource", models.CharField(max_length=32)),
                ("most", models.PositiveIntegerField()),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="limits",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            {
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "resource"), name="limit_one_per_resource")
                ],
            },
            managers=[("unscoped", models.Manager())],
        ),
        migrations.CreateModel(
            "Usage",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("resource", models.CharField(max_length=32)),
                ("used", models.PositiveIntegerField(default=0, db_default=0)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            {
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "resource"), name="usage_one_per_resource")
                ],
            },
            managers=[("unscoped", models.Manager())],
        ),
    ]
