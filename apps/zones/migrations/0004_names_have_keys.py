from django.db import migrations
import apps.kernel.named



class Migration(migrations.Migration):
    dependencies = [("zones", "0003_zones_know_their_ranges")]
    operations = [
        migrations.AddField("zone", "name_key", apps.kernel.named.Key("name")),
    ]
