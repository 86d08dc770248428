from django.apps import AppConfig


class FabricConfig(AppConfig):
    name = "apps.fabric"
    label = "fabric"

    def ready(self) -> None:
        from apps.fabric.zones.recipes import RECONNECT
        from apps.operations.parts import register

        register(RECONNECT)
