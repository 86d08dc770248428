from django.apps import AppConfig


class SoftGatesConfig(AppConfig):
    name = "apps.softgates"
    label = "softgates"

    def ready(self) -> None:
        from apps.operations.parts import register
        from apps.softgates.recipes import MAINTENANCE

        register(MAINTENANCE)
