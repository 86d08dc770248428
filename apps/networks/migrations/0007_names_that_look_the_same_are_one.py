from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("networks", "0006_fill_the_keys_of_names")]
    operations = [
        migrations.AddConstraint("vpc", models.UniqueConstraint(fields=("tenant", "name_key"), condition=models.Q(("status", "deleted"), _negated=True), name="vpc_name_is_unique")),
        migrations.AddConstraint("tier", models.UniqueConstraint(fields=("vpc", "name_key"), condition=models.Q(("status", "deleted"), _negated=True), name="tier_name_is_unique")),
    ]
