from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0005_fill_the_keys_of_names")]
    operations = [
        migrations.AddConstraint("tenant", models.UniqueConstraint(fields=("name_key",), name="tenant_name_is_unique")),
        migrations.AddConstraint("user", models.UniqueConstraint(fields=("username_key",), name="user_name_is_unique")),
    ]
