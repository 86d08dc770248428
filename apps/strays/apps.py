from django.apps import AppConfig


class StraysConfig(AppConfig):
    name = "apps.strays"
    label = "strays"

    def ready(self) -> None:
        from apps.operations.parts import register
        from apps.strays.recipes import ALL

        for recipe in ALL:
            register(recipe)
