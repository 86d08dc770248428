from django.db import migrations, models

from apps.quotas.counting import counted_otherwise


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0002_lists_and_rules_are_counted"),
    ]

    operations = [
        migrations.AddField(
            model_name="acl",
            name="reserved",
            field=models.PositiveIntegerField(default=0),
        ),
        *counted_otherwise(
            "acl_rule",
            "acls_acl",
            amount="greatest(jsonb_array_length(rules), reserved)",
            before="jsonb_array_length(rules)",
        ),
    ]
