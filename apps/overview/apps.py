from django.apps import AppConfig


class OverviewConfig(AppConfig):
    name = "apps.overview"
    label = "overview"

    def ready(self) -> None:
        from django.urls import reverse

        from apps.history import kinds
        from apps.networks import vitals
        from apps.overview import filling, pools, strip

        vitals.register(strip.vitals)
        kinds.register(*filling.KINDS)
        kinds.register_page(pools.PUBLIC_IPS, lambda _zone, _id: reverse("addresses:pools"))
        kinds.register_page(pools.PORTS, lambda zone, _id: f"{reverse('fabric:port_list')}?zone={zone.slug}")
        kinds.register_page(pools.RULES, lambda _zone, _id: reverse("softgates:list"))
