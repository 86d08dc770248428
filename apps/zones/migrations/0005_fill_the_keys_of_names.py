from django.db import migrations
from apps.kernel.named import fill, number_the_same


def fill_keys(apps, _schema):
    zones = apps.get_model("zones", "Zone")._default_manager.all()
    fill(zones, "name_key")
    # Their names are CloudStack's own: only the keys are told apart.
    number_the_same(zones, "name_key")



class Migration(migrations.Migration):
    dependencies = [("zones", "0004_names_have_keys")]
    operations = [
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
    ]
