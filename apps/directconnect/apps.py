from django.apps import AppConfig


class DirectConnectConfig(AppConfig):
    name = "apps.directconnect"
    label = "directconnect"
