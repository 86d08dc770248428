from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "apps.inventory"
    label = "inventory"

    def ready(self) -> None:
        from apps.fabric import changes
        from apps.inventory.bodies import facts_written
        from apps.inventory.recipes import DEVICE, LINK, PORT
        from apps.operations.parts import register

        for recipe in (DEVICE, LINK, PORT):
            register(recipe)
        changes.register(DEVICE.kind, lambda operation: facts_written(operation.wanted))
