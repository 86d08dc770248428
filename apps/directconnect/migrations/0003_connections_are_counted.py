from django.db import migrations

from apps.quotas.counting import counted


class Migration(migrations.Migration):
    dependencies = [
        ("directconnect", "0002_what_belongs_together_stays_so"),
        ("quotas", "0001_limits_and_what_is_used"),
    ]

    operations = [*counted("direct_connect", "directconnect_connection", live="stage <> 'closed'")]
