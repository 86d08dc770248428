from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0009_memberships_have_ids_that_tell_nothing")]
    operations = [
        migrations.AddField(
            "user", "uuid", models.UUIDField(db_default=RandomUUID(), editable=False, unique=True)
        ),
        migrations.AddIndex("user", models.Index(Upper("email"), name="user_by_email")),
    ]
