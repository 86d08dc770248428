from django.db import migrations
import apps.kernel.named



class Migration(migrations.Migration):
    dependencies = [("tenancy", "0003_time_by_the_databases_clock")]
    operations = [
        migrations.RemoveConstraint("tenant", "tenant_name_is_unique"),
        migrations.AddField("user", "username_key", apps.kernel.named.Key("username")),
        migrations.AddField("tenant", "name_key", apps.kernel.named.Key("name")),
        migrations.AddField("auditentry", "search_key", apps.kernel.named.Key("object_name", "actor", "action")),
    ]
