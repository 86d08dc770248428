from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mirror", "0001_initial")]

    operations = [migrations.RenameField("item", "seen_at", "changed_at")]
