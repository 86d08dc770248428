from django.apps import AppConfig


class SoftGatesConfig(AppConfig):
    name = "apps.softgates"
    label = "softgates"

    def ready(self) -> None:
        from apps.fabric import changes
        from apps.operations.parts import register
        from apps.operations.state import Goal
        from apps.softgates.recipes import MAINTENANCE

        register(MAINTENANCE)
        switch = {Goal.PRESENT.value: "on", Goal.ABSENT.value: "off"}
        changes.register(MAINTENANCE.kind, lambda operation: {changes.MAINTENANCE: switch[operation.goal]})
