from django.apps import AppConfig


class BalancersConfig(AppConfig):
    name = "apps.balancers"
    label = "balancers"

    def ready(self) -> None:
        from apps.balancers.attention import BALANCER_DIFFERS, MEMBER_DOWN, UNCHECKED_BALANCER
        from apps.balancers.maps import drawn_of
        from apps.balancers.models import Balancer
        from apps.balancers.queries import goes_with
        from apps.balancers.recipes import LOAD_BALANCER, go_with
        from apps.balancers.views import TAB
        from apps.networks import alongside, attention, inside, tabs
        from apps.networks.plans import GOES_ALONG
        from apps.networks.queries import LEADING
        from apps.operations.parts import register
        from apps.quotas import resources

        register(LOAD_BALANCER)
        alongside.register(alongside.Alongside(before=go_with))
        resources.register(resources.LOAD_BALANCER)
        inside.register(drawn_of, of_tiers=False)
        tabs.register(TAB)
        attention.register(MEMBER_DOWN, BALANCER_DIFFERS, UNCHECKED_BALANCER)
        if goes_with not in GOES_ALONG:
            GOES_ALONG.append(goes_with)
        if Balancer not in LEADING:
            LEADING.append(Balancer)
