from django.apps import AppConfig


class AddressesConfig(AppConfig):
    name = "apps.addresses"
    label = "addresses"

    def ready(self) -> None:
        from apps.addresses.attention import ADDRESS_UNUSED, RULE_NOT_APPLIED
        from apps.addresses.models import PortForward, StaticNat
        from apps.addresses.queries.public_ips import goes_with
        from apps.addresses.queries.vpcs import drawn_of
        from apps.addresses.recipes import ALL
        from apps.addresses.views import TAB
        from apps.networks import attention, inside, tabs
        from apps.networks.plans import GOES_ALONG
        from apps.networks.queries import LEADING
        from apps.operations.parts import register
        from apps.quotas import resources

        for recipe in ALL:
            register(recipe)
        resources.register(resources.PUBLIC_IP, resources.NAT_RULE)
        if goes_with not in GOES_ALONG:
            GOES_ALONG.append(goes_with)
        LEADING.extend(model for model in (StaticNat, PortForward) if model not in LEADING)
        inside.register(drawn_of, of_tiers=False)
        tabs.register(TAB)
        attention.register(RULE_NOT_APPLIED, ADDRESS_UNUSED)
