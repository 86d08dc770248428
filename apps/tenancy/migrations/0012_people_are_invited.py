import uuid

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

import apps.kernel.clock
import apps.kernel.named


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0011_sessions_know_whose_they_are")]
    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=254)),
                ("email_key", apps.kernel.named.Key("email", default="", editable=False)),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "Owner"), ("engineer", "Network engineer"), ("viewer", "Viewer")],
                        max_length=16,
                    ),
                ),
                ("username", models.CharField(max_length=150)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("invited_by", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(default=apps.kernel.clock.now)),
                ("expires_at", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="tenancy.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at",),
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "email_key"), name="invitation_one_per_address")
                ],
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
    ]
