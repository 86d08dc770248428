from django.apps import AppConfig


class PeeringConfig(AppConfig):
    name = "apps.peering"
    label = "peering"

    def ready(self) -> None:
        from apps.networks import attached, attention, learned
        from apps.networks.routes import effective
        from apps.operations.parts import register
        from apps.peering.approvals import APPROVALS
        from apps.peering.attention import PEERING_DIFFERS, REQUEST_WAITS
        from apps.peering.queries import learned as learned_in
        from apps.peering.recipes import PEERING
        from apps.peering.ways import routes
        from apps.tenancy import approvals

        approvals.register(APPROVALS)
        register(PEERING)
        way_out = "Revoke each of them first, and wait until it is removed."
        attached.register(attached.Attachment("peering", "peering", way_out))
        learned.register(learned_in)
        effective.register(routes, peering="Peering")
        attention.register(REQUEST_WAITS, PEERING_DIFFERS)
