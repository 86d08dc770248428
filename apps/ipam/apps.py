from django.apps import AppConfig


class IpamConfig(AppConfig):
    name = "apps.ipam"
    label = "ipam"

    def ready(self) -> None:
        from apps.fabric import changes
        from apps.imports import kinds
        from apps.ipam import sheets
        from apps.ipam.recipes import RECIPES, facts_written
        from apps.operations.parts import register

        for recipe in RECIPES:
            register(recipe)
            changes.register(recipe.kind, facts_written)
        kinds.register(sheets.SUBNETS)
