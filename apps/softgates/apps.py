from django.apps import AppConfig


class SoftGatesConfig(AppConfig):
    name = "apps.softgates"
    label = "softgates"

    def ready(self) -> None:
        from apps.fabric import changes
        from apps.operations.parts import register
        from apps.softgates.recipes import MAINTENANCE

        register(MAINTENANCE)
        changes.register(MAINTENANCE.kind, lambda _operation: {changes.MAINTENANCE})
