from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "apps.inventory"
    label = "inventory"

    def ready(self) -> None:
        from apps.fabric import changes
        from apps.imports import kinds
        from apps.inventory.bodies import facts_written
        from apps.inventory.recipes import DEVICE, LINK, PORT
        from apps.inventory.sheets import DEVICES, LINKS
        from apps.operations.parts import register

        for recipe in (DEVICE, LINK, PORT):
            register(recipe)
        for kind in (DEVICES, LINKS):
            kinds.register(kind)
        changes.register(DEVICE.kind, lambda operation: facts_written(operation.wanted))
        changes.register(LINK.kind, lambda _operation: {})  # where it ends stays
