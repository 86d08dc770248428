from django.db import migrations
from apps.kernel.named import fill, number_the_same


def fill_keys(apps, _schema):
    AuditEntry = apps.get_model("tenancy", "AuditEntry")
    for noun, scope in (("vpc", "tenant_id"), ("tier", "vpc_id")):
        model = apps.get_model("networks", noun)
        fill(model._default_manager.all(), "name_key")
        live = model._default_manager.exclude(status="deleted")
        for row, old in number_the_same(live, "name_key", within=(scope,), name="name", most=63):
            new = model._default_manager.get(pk=row.pk).name
            tenant = row.tenant if noun == "vpc" else row.vpc.tenant
            what = {"object_type": noun, "object_id": str(row.pk), "object_name": new}
            AuditEntry._default_manager.create(
                tenant=tenant, actor="upgrade", action=f"{noun}.rename", old={"name": old}, new={"name": new}, **what
            )
    fill(apps.get_model("networks", "Vpc")._default_manager.all(), "search_key")



class Migration(migrations.Migration):
    dependencies = [("networks", "0005_names_have_keys"), ("tenancy", "0004_names_have_keys")]
    operations = [
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
    ]
