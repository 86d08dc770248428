from django.apps import AppConfig


class AddressesConfig(AppConfig):
    name = "apps.addresses"
    label = "addresses"

    def ready(self) -> None:
        from apps.addresses.recipes import ALL
        from apps.operations.parts import register
        from apps.quotas import resources

        for recipe in ALL:
            register(recipe)
        resources.register(resources.PUBLIC_IP, resources.NAT_RULE)
