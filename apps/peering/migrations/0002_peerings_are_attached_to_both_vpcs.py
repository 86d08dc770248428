from django.db import migrations

from apps.networks.attached import attaches


class Migration(migrations.Migration):
    dependencies = [
        ("peering", "0001_peerings_of_two_vpcs"),
        ("networks", "0013_vpcs_know_what_is_attached_to_them"),
    ]

    operations = [
        *attaches(
            "peering",
            "peering_peering",
            "vpc_id",
            "peer_vpc_id",
            live="row.stage = 'accepted' AND row.status <> 'deleted'",
        )
    ]
