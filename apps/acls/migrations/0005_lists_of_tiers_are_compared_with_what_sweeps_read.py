from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("acls", "0004_lists_remember_the_rules_that_they_had"),
    ]

    operations = [
        migrations.AddField(
            model_name="tieracl",
            name="mark",
            field=models.CharField(blank=True, max_length=32),
        ),
        migrations.AddField(
            model_name="tieracl",
            name="compared_at",
            field=models.DateTimeField(null=True),
        ),
    ]
