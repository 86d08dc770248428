from django.db import migrations
import apps.kernel.named



class Migration(migrations.Migration):
    dependencies = [("networks", "0004_time_by_the_databases_clock")]
    operations = [
        migrations.RemoveConstraint("vpc", "vpc_name_is_unique"),
        migrations.RemoveConstraint("tier", "tier_name_is_unique"),
        migrations.AddField("vpc", "name_key", apps.kernel.named.Key("name")),
        migrations.AddField("vpc", "search_key", apps.kernel.named.Key("name", "description")),
        migrations.AddField("tier", "name_key", apps.kernel.named.Key("name")),
    ]
