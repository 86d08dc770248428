from django.apps import AppConfig


class AclsConfig(AppConfig):
    name = "apps.acls"
    label = "acls"

    def ready(self) -> None:
        from apps.acls.recipes import ALL, ALONGSIDE
        from apps.networks import alongside
        from apps.operations.parts import register
        from apps.quotas import resources

        resources.register(resources.ACL, resources.ACL_RULE)
        for recipe in ALL:
            register(recipe)
        alongside.register(ALONGSIDE)
