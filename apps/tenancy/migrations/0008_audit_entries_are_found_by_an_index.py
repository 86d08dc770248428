from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0007_count_tries_to_sign_in")]
    operations = [
        TrigramExtension(),
        migrations.AddIndex("auditentry", GinIndex(fields=["search_key"], name="audit_by_words", opclasses=["gin_trgm_ops"])),
    ]
