from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0014_tenants_can_be_disabled")]
    operations = [
        migrations.AddField(
            "invitation",
            "created_by",
            models.ForeignKey(
                null=True,
                on_delete=models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        )
    ]
