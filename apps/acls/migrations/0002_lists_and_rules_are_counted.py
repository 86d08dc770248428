from django.db import migrations

from apps.quotas.counting import counted


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0001_access_lists_and_the_tiers_that_have_them"),
        ("quotas", "0001_limits_and_what_is_used"),
    ]

    operations = [
        *counted("acl", "acls_acl"),
        *counted("acl_rule", "acls_acl", amount="jsonb_array_length(rules)"),
    ]
