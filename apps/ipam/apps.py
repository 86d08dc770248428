from django.apps import AppConfig


class IpamConfig(AppConfig):
    name = "apps.ipam"
    label = "ipam"

    def ready(self) -> None:
        from apps.imports import kinds
        from apps.ipam import sheets
        from apps.ipam.recipes import RECIPES
        from apps.operations.parts import register

        for recipe in RECIPES:
            register(recipe)
        kinds.register(sheets.SUBNETS)
