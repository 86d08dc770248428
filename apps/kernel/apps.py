from django.apps import AppConfig
from django.urls import register_converter

from apps.kernel.converters import IdConverter


class KernelConfig(AppConfig):
    name = "apps.kernel"
    label = "kernel"

    def ready(self) -> None:
        register_converter(IdConverter, "id")
