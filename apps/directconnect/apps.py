from django.apps import AppConfig


class DirectConnectConfig(AppConfig):
    name = "apps.directconnect"
    label = "directconnect"

    def ready(self) -> None:
        from apps.directconnect.attention import DOWN, EXPIRES_SOON, YOUR_TURN
        from apps.directconnect.interface_views import TAB
        from apps.directconnect.interfaces.queries import learned
        from apps.directconnect.interfaces.recipes import INTERFACE
        from apps.directconnect.services.orders import APPROVALS
        from apps.directconnect.ways import routes
        from apps.networks import attached, attention, tabs
        from apps.networks import learned as known
        from apps.networks.routes import effective
        from apps.operations.parts import register
        from apps.quotas import resources
        from apps.tenancy import approvals

        approvals.register(APPROVALS)
        register(INTERFACE)
        tabs.register(TAB)
        resources.register(resources.DIRECT_CONNECT)
        known.register(learned)
        effective.register(routes, direct_connect="Direct Connect")
        way_out = "Delete it on the page of its connection first, or close the connection."
        attached.register(attached.Attachment("interface", "virtual interface", way_out))
        attention.register(YOUR_TURN, EXPIRES_SOON, DOWN)
