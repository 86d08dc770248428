from django.apps import AppConfig


class AclsConfig(AppConfig):
    name = "apps.acls"
    label = "acls"

    def ready(self) -> None:
        from apps.acls import recipes, services
        from apps.acls.admission import GATE
        from apps.acls.attention import LIST_DIFFERS
        from apps.acls.plans import lists_of_tiers
        from apps.acls.views import TAB
        from apps.networks import admission, alongside, attention, inside, tabs
        from apps.operations.parts import register
        from apps.quotas import resources

        resources.register(resources.ACL, resources.ACL_RULE)
        for recipe in recipes.ALL:
            register(recipe)
        alongside.register(
            alongside.Alongside(
                recipes.before, recipes.after, recipes.list_of, recipes.settle_with_tiers, services.choice_in
            )
        )
        inside.register(lists_of_tiers, of_tiers=True)
        tabs.register(TAB)
        attention.register(LIST_DIFFERS)
        admission.register(GATE)
