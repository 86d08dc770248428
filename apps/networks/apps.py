from django.apps import AppConfig


class NetworksConfig(AppConfig):
    name = "apps.networks"
    label = "networks"

    def ready(self) -> None:
        from apps.networks.recipes import ALL
        from apps.operations.parts import register
        from apps.quotas import resources

        for recipe in ALL:
            register(recipe)
        resources.register(resources.VPC, resources.TIER)
