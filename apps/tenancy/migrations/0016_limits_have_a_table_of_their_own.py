from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0015_invitations_know_whose_they_are"),
        ("quotas", "0002_take_the_limits_of_tenants"),
    ]

    operations = [
        migrations.RemoveField("tenant", "max_vpcs"),
        migrations.RemoveField("tenant", "max_tiers"),
    ]
