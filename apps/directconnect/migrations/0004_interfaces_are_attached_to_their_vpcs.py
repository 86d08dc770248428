from django.db import migrations

from apps.networks.attached import attaches


class Migration(migrations.Migration):
    dependencies = [
        ("directconnect", "0003_connections_are_counted"),
        ("networks", "0013_vpcs_know_what_is_attached_to_them"),
    ]

    operations = [*attaches("interface", "directconnect_interface", "vpc_id", live="row.status <> 'deleted'")]
