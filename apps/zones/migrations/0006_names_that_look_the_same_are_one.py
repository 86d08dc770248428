from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("zones", "0005_fill_the_keys_of_names")]
    operations = [
        migrations.AddConstraint("zone", models.UniqueConstraint(fields=("name_key",), name="zone_name_is_unique")),
    ]
