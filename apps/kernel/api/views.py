"""The API's description, for programs and for people. It is no secret, so nobody has to sign in to read it."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.kernel.api import parameters
from apps.kernel.api.docs import Manual
from apps.kernel.api.problems import MEDIA_TYPE


@cache
def description() -> Any:
    """Half a second of work, the same for everybody, and open to everybody: it is done once per process."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


@extend_schema(exclude=True)
class Schema(SpectacularAPIView):
    """OpenAPI 3 as YAML; as JSON with `?format=json`."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        parameters.check(request, ["format"])
        return Response(description(), headers={"Cache-Control": "public, max-age=300"})

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """A problem is JSON, whatever the description was asked for as."""
        if response.status_code >= 400:
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), MEDIA_TYPE
        return super().finalize_response(request, response, *args, **kwargs)


@cache
def _manual() -> Manual:
    return Manual(description())


@cache
def manual() -> SafeString:
    """The same for everybody, and long: it is drawn once per process."""
    return render_to_string("api/_manual.html", {"manual": _manual()})


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    base = request.build_absolute_uri(reverse("api:docs")).removesuffix("/docs/")
    context = {
        "exports": f"export WEFT={base}\nexport TOKEN=weft_...",
        "chapters": _manual().chapters,
        "manual": manual(),
    }
    return render(request, "api/docs.html", context)
