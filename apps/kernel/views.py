"""Pages that belong to no app: what is shown when something is not as it should be."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was open too long, or its cookie is gone. Nothing was changed."""
    return render(request, "403_csrf.html", status=403)
