"""The API's description, for programs and for people. It is no secret, so nobody has to sign in to read it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView


@extend_schema(exclude=True)
class Schema(SpectacularAPIView):
    """OpenAPI 3 as YAML; as JSON with `?format=json`."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html")
