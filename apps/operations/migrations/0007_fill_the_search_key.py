from django.db import migrations
from apps.kernel.named import fill


def fill_keys(apps, _schema):
    fill(apps.get_model("operations", "Operation")._default_manager.all(), "search_key")



class Migration(migrations.Migration):
    dependencies = [("operations", "0006_operations_are_searched_by_a_key")]
    operations = [
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
    ]
