import django.db.models.deletion
from django.db import migrations, models

import apps.kernel.clock

RAW = """
CREATE TABLE history_raw (
    series bigint NOT NULL, at timestamptz NOT NULL, value float8 NOT NULL, PRIMARY KEY (series, at)
) PARTITION BY RANGE (at)
"""
SUMS = """
CREATE TABLE {name} (
    series bigint NOT NULL, at timestamptz NOT NULL, value float8 NOT NULL, low float8 NOT NULL, high float8 NOT NULL,
    PRIMARY KEY (series, at)
) PARTITION BY RANGE (at)
"""


class Migration(migrations.Migration):
    dependencies = [("history", "0001_events_are_kept"), ("zones", "0008_public_ips_rest_after_their_release")]

    operations = [
        migrations.RunSQL(RAW, "DROP TABLE history_raw"),
        migrations.RunSQL(SUMS.format(name="history_five"), "DROP TABLE history_five"),
        migrations.RunSQL(SUMS.format(name="history_hour"), "DROP TABLE history_hour"),
    ]
