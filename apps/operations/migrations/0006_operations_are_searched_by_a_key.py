from django.db import migrations
import apps.kernel.named



class Migration(migrations.Migration):
    dependencies = [("operations", "0005_time_by_the_databases_clock")]
    operations = [
        migrations.AddField("operation", "search_key", apps.kernel.named.Key("resource_name", "requested_by")),
    ]
