from django.apps import AppConfig


class VnisConfig(AppConfig):
    name = "apps.vnis"
    label = "vnis"
