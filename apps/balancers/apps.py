from django.apps import AppConfig


class BalancersConfig(AppConfig):
    name = "apps.balancers"
    label = "balancers"

    def ready(self) -> None:
        from apps.balancers.models import Balancer
        from apps.balancers.queries import goes_with
        from apps.balancers.recipes import LOAD_BALANCER, go_with
        from apps.networks import alongside
        from apps.networks.plans import GOES_ALONG
        from apps.networks.queries import LEADING
        from apps.operations.parts import register
        from apps.quotas import resources

        register(LOAD_BALANCER)
        alongside.register(alongside.Alongside(before=go_with))
        resources.register(resources.LOAD_BALANCER)
        if goes_with not in GOES_ALONG:
            GOES_ALONG.append(goes_with)
        if Balancer not in LEADING:
            LEADING.append(Balancer)
