from django.apps import AppConfig


class FabricConfig(AppConfig):
    name = "apps.fabric"
    label = "fabric"

    def ready(self) -> None:
        from django.urls import reverse

        from apps.directconnect import inventory
        from apps.fabric import changes, happenings
        from apps.fabric.inventory.free_ports import FreePorts
        from apps.fabric.zones.recipes import RECONNECT
        from apps.history import kinds
        from apps.mirror import queries as mirror
        from apps.mirror.models import Kind
        from apps.operations.parts import register

        register(RECONNECT)
        inventory.register(FreePorts())
        kinds.register(*happenings.KINDS, *changes.KINDS)
        kinds.register_page("device", lambda zone, device: reverse("fabric:device_detail", args=[zone.slug, device]))
        kinds.register_name("device", lambda zone, device: mirror.name_of(zone, Kind.NETRIS_DEVICE, device))
        kinds.register_page("zone-site", lambda zone, _id: reverse("zones:connection", args=[zone.pk]))
        kinds.register_page("link", lambda zone, link: reverse("fabric:link_detail", args=[zone.slug, link]))
