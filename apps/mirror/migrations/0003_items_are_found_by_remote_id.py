from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mirror", "0002_items_say_when_they_changed")]

    operations = [
        migrations.RemoveConstraint("item", "item_is_unique"),
        migrations.AddConstraint(
            "item", models.UniqueConstraint(fields=("kind", "remote_id", "zone"), name="item_is_unique")
        ),
    ]
