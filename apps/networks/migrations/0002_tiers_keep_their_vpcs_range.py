from django.db import migrations


class Migration(migrations.Migration):
    """`tier.vpc_cidr` is its VPC's range, whatever writes it: so `tier_lies_in_vpc` can be a check of one row."""

    dependencies = [("networks", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE networks_vpc ADD CONSTRAINT vpc_id_and_range UNIQUE (id, cidr)",
            "ALTER TABLE networks_vpc DROP CONSTRAINT vpc_id_and_range",
        ),
        migrations.RunSQL(
            "ALTER TABLE networks_tier ADD CONSTRAINT tier_range_of_vpc "
            "FOREIGN KEY (vpc_id, vpc_cidr) REFERENCES networks_vpc (id, cidr) DEFERRABLE INITIALLY DEFERRED",
            "ALTER TABLE networks_tier DROP CONSTRAINT tier_range_of_vpc",
        ),
    ]
