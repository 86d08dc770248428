from django.apps import AppConfig


class InstancesConfig(AppConfig):
    name = "apps.instances"
    label = "instances"

    def ready(self) -> None:
        from apps.instances.queries import machines_of
        from apps.networks import inside

        inside.register(machines_of, of_tiers=True)
