from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"

    def ready(self) -> None:
        from apps.accounts.recipes import ACCOUNT
        from apps.operations.parts import register

        register(ACCOUNT)
