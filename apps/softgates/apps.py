from django.apps import AppConfig


class SoftGatesConfig(AppConfig):
    name = "apps.softgates"
    label = "softgates"
