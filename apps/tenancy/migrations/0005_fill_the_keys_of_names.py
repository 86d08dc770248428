from django.db import migrations
from apps.kernel.named import fill, number_the_same


def fill_keys(apps, _schema):
    User, Tenant, AuditEntry = (apps.get_model("tenancy", name) for name in ("User", "Tenant", "AuditEntry"))
    for model, column in ((User, "username_key"), (Tenant, "name_key"), (AuditEntry, "search_key")):
        fill(model._default_manager.all(), column)
    # People go on signing in with the names that they have: only the keys are told apart.
    number_the_same(User._default_manager.all(), "username_key")
    for tenant, old in number_the_same(Tenant._default_manager.all(), "name_key", name="name", most=63):
        new = Tenant._default_manager.get(pk=tenant.pk).name
        what = {"object_type": "tenant", "object_id": str(tenant.pk), "object_name": new}
        AuditEntry._default_manager.create(
            tenant=tenant, actor="upgrade", action="tenant.rename", old={"name": old}, new={"name": new}, **what
        )



class Migration(migrations.Migration):
    dependencies = [("tenancy", "0004_names_have_keys")]
    operations = [
        migrations.RunPython(fill_keys, migrations.RunPython.noop),
    ]
