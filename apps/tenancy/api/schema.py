"""What OpenAPI cannot see by itself: the two ways to prove who calls, and filters on models behind the tenant door."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.django_filters import DjangoFilterExtension
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from apps.tenancy.api.authentication import BrowserAuthentication, TokenAuthentication


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token of a tenant or of the platform. Its scope is read, or read and write.",
        }


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BrowserAuthentication
    name = ["session", "tenant"]

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[Any]]:
        return {"session": [], "tenant": []}

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "The session of a signed-in browser. Changes also need the header X-CSRFToken.",
            },
            {
                "type": "apiKey",
                "in": "header",
                "name": "Weft-Tenant",
                "description": "With a session: the short name of the tenant. Platform admins may leave it out.",
            },
        ]


class Filters(DjangoFilterExtension):  # type: ignore[no-untyped-call]
    """The original asks the model's manager for a queryset; a door gives none without a tenant, and none is needed."""

    priority = 1

    def get_schema_operation_parameters(self, auto_schema: Any, *args: Any, **kwargs: Any) -> list[Any]:
        filters = getattr(auto_schema.view, "filterset_class", None)
        if filters is None:
            return []
        resolved = (
            self.resolve_filter_field(  # type: ignore[no-untyped-call]
                auto_schema, filters._meta.model, filters, name, one
            )
            for name, one in filters.base_filters.items()
        )
        return [parameter for parameters in resolved for parameter in parameters]
