"""What every route of the API has in common, told to OpenAPI: headers, and the ways in which it says no."""

from __future__ import annotations

import inspect
from http import HTTPStatus
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from apps.kernel.api.bodies import BodyRows
from apps.kernel.api.problems import MEDIA_TYPE, ProblemRead

REFUSALS = {
    "400": "Something in the request cannot be read: no JSON, a NUL, bytes that are no UTF-8.",
    "401": "No token, or one that is unknown, expired or revoked. `WWW-Authenticate` says what is expected.",
    "403": "The caller may look but not change, or belongs to the wrong side (tenant or platform).",
    "404": "No such object, or another tenant's.",
    "406": "The caller takes neither `application/json` nor `application/problem+json`.",
    "409": "Not now: another operation has the object, or its state does not allow it.",
    "412": "The object is not in the state that `If-Match` or `If-None-Match` makes a condition.",
    "413": "The body is too large.",
    "414": "The address, or one of its parameters, is too long.",
    "415": "The body is not sent as `application/json`.",
    "422": "Something in the request breaks a rule; `errors` lists everything, each with its field.",
    "431": "The headers are too large.",
    "503": "Weft cannot reach its database. Try again after `Retry-After` seconds.",
}


def header(name: str, description: str, *, codes: list[int] | None = None, **options: Any) -> OpenApiParameter:
    """A header of the request, or with `codes` of the responses with these."""
    return OpenApiParameter(name, str, "header", description=description, response=codes or False, **options)


IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "A string of your choice, new for each new request. Sent again with the same body within 24 hours, the request is "
    "not carried out again: its first answer comes back, with `Idempotency-Replayed: true`.",
)
IF_MATCH = header("If-Match", "The `ETag` of the state you have seen. If the object has changed since, you get 412.")
IF_NONE_MATCH = header("If-None-Match", "The `ETag` of the state you have. If the object is still in it, you get 304.")
LOCATION = header("Location", "Where to follow what was started.", codes=[201, 202])
REPLAYED = header("Idempotency-Replayed", "`true` when this is the answer to an earlier request.", codes=[201, 202])
ETAG = header("ETag", "The state of the object, for `If-Match` and `If-None-Match`.", codes=[200])


class WeftSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        match self.method:
            case "POST":
                return [IDEMPOTENCY_KEY, LOCATION, REPLAYED]
            case "PATCH" | "PUT":
                return [IF_MATCH, ETAG, LOCATION]
            case "DELETE":
                return [IF_MATCH, LOCATION]
        return [] if self._is_list_view() else [IF_NONE_MATCH, ETAG]

    def get_description(self) -> str:  # type: ignore[override]  # the stubs know its first ancestor alone
        """The docstring of the method alone: that of the class is for who reads the code."""
        method = getattr(self.view, str(self.method).lower(), None)
        return inspect.cleandoc(method.__doc__ or "") if method else ""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if self.method == "GET" and not self._is_list_view():
            bodies["304"] = {"description": "The object is still in the state that `If-None-Match` names."}
        # A route that says more when it says no has said so itself.
        own = {code: body | {"description": REFUSALS[code]} for code, body in bodies.items() if code in REFUSALS}
        bodies |= {code: self._refusal(code) for code in self._refusals()} | own
        return dict(sorted(bodies.items()))

    def _refusal(self, code: str) -> Any:
        """A reference: what it says stands once in the document, however many routes say it."""
        response = self._get_response_for_code(  # type: ignore[no-untyped-call]
            OpenApiResponse(ProblemRead, description=REFUSALS[code]), code, [MEDIA_TYPE]
        )
        name = HTTPStatus(int(code)).name.title().replace("_", "")
        component = ResolvedComponent(name, ResolvedComponent.RESPONSE, response, ProblemRead)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)
        return component.ref

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, BodyRows) and field.max_length is not None:
            schema["maxItems"] = field.max_length
        return schema

    def _refusals(self) -> list[str]:
        always = ["400", "401", "403", "406", "414", "422", "431", "503"]
        has_object = ["404"] if "{" in self.path else []
        match self.method:
            case "GET":
                return [*always, *has_object]
            case "DELETE":
                return [*always, *has_object, "409", "412", "413"]
            case "PATCH" | "PUT":
                return [*always, *has_object, "409", "412", "413", "415"]
        return [*always, *has_object, "409", "413", "415"]
