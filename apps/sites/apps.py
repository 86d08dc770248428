from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "apps.sites"
    label = "sites"

    def ready(self) -> None:
        from apps.fabric import changes
        from apps.imports import kinds
        from apps.operations.parts import register
        from apps.sites import sheets
        from apps.sites.recipes import SITE, facts_written

        register(SITE)
        changes.register(SITE.kind, facts_written)
        kinds.register(sheets.SITES)
