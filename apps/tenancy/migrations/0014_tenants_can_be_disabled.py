from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0013_tokens_go_with_their_person")]
    operations = [migrations.AddField("tenant", "disabled_at", models.DateTimeField(editable=False, null=True))]
