from django.apps import AppConfig


class QuotasConfig(AppConfig):
    name = "apps.quotas"
    label = "quotas"

    def ready(self) -> None:
        from apps.quotas.requests import APPROVALS
        from apps.tenancy import approvals

        approvals.register(APPROVALS)
