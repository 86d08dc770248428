from django.apps import AppConfig


class NetworksConfig(AppConfig):
    name = "apps.networks"
    label = "networks"

    def ready(self) -> None:
        from apps.networks import tabs
        from apps.networks.recipes import ALL
        from apps.networks.routes.recipes import STATIC_ROUTE
        from apps.networks.routes.views import TAB
        from apps.operations.parts import register
        from apps.quotas import resources

        for recipe in (*ALL, STATIC_ROUTE):
            register(recipe)
        resources.register(resources.VPC, resources.TIER, resources.STATIC_ROUTE)
        tabs.register(TAB)
