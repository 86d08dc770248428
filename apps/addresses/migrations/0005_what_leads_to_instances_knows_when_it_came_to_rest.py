from django.db import migrations, models

from apps.quotas.counting import counted


class Migration(migrations.Migration):
    dependencies = [
        ("addresses", "0004_public_ips_are_counted_and_go_with_their_vpc"),
    ]

    operations = [
        migrations.AddField("staticnat", "settled_at", models.DateTimeField(null=True)),
        migrations.AddField("portforward", "settled_at", models.DateTimeField(null=True)),
        *counted("nat_rule", "addresses_staticnat"),
        *counted("nat_rule", "addresses_portforward"),
    ]
