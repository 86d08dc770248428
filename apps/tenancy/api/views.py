"""What the views of the API share: the caller, the tenant door, one object and lists of them, changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils.cache import patch_vary_headers
from django_filters import MultipleChoiceFilter
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.kernel.api import etag, parameters
from apps.kernel.api.bodies import StrictJson
from apps.kernel.api.negotiation import JsonNegotiation
from apps.kernel.api.schema import WeftSchema
from apps.kernel.errors import Refused
from apps.kernel.shortcuts import get_or_404
from apps.tenancy.actors import Platform
from apps.tenancy.api import schema as _schemes  # noqa: F401  # importing it registers the schemes
from apps.tenancy.api.callers import NOBODY, Caller, caller_of
from apps.tenancy.api.idempotency import once
from apps.tenancy.models import Tenant

M = TypeVar("M", bound=Model)
#: As `permissions` tells them.
WrittenBy = Literal["tenant", "platform", "both", "owners", "owner", "member", "nobody"]


class ApiView(APIView):
    """`written_by` says whose tokens may change something here."""

    written_by: ClassVar[WrittenBy] = "both"
    parser_classes = [StrictJson]
    metadata_class = None
    content_negotiation_class = JsonNegotiation
    schema = WeftSchema()

    @property
    def caller(self) -> Caller:
        return NOBODY if getattr(self, "swagger_fake_view", False) else caller_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        parameters.check(request, self.known_parameters, several=self.parameters_of_several)

    @property
    def known_parameters(self) -> Sequence[str]:
        return ()

    @property
    def parameters_of_several(self) -> Sequence[str]:
        """Those of them that may be given several times."""
        return ()

    @property
    def tenant(self) -> Tenant:
        """The caller's tenant, for views that are written by tenants."""
        assert self.caller.tenant is not None, "MayUse lets only tenants through"
        return self.caller.tenant

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Answers are the caller's alone; who keeps one must ask whether it still holds."""
        response.headers.setdefault("Cache-Control", "private, no-cache")
        patch_vary_headers(response, ["Authorization", "Cookie", "Weft-Tenant"])
        return super().finalize_response(request, response, *args, **kwargs)

    def once(self, make: Callable[[], Response], *, shown_once: str = "") -> Response:
        """For POST: calls `make` in a transaction, and at most once for an `Idempotency-Key`. The field `shown_once` of
        its answer is kept nowhere."""
        return once(self.request, make, shown_once=shown_once)


class TenantFilter(BaseFilterBackend):
    """`?tenant=<short name>`, for the platform. A view says in `tenant_path` how its rows find their tenant."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        slug = request.query_params.get("tenant")
        path = getattr(view, "tenant_path", "")
        if slug is None or not path:
            return queryset
        if not caller_of(request).tenants.filter(slug=slug).exists():
            raise Refused("tenant-unknown", "There is no tenant with this short name.", "tenant")
        return queryset.filter(**{f"{path}__slug": slug})

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        if not getattr(view, "tenant_path", ""):
            return []
        text = "For the platform: only what belongs to the tenant with this short name."
        return [{"name": "tenant", "in": "query", "required": False, "description": text, "schema": {"type": "string"}}]


def tenant_named(caller: Caller, slug: str | None) -> Tenant:
    """The tenant that a body names; a tenant's caller may leave it out. Raises `Refused`."""
    if slug is None and caller.tenant is not None:
        return caller.tenant
    if slug is None:
        raise Refused("tenant-missing", "Say for which tenant: give its short name.", "tenant")
    tenant = caller.tenants.filter(slug=slug).first()
    if tenant is None:
        raise Refused("tenant-unknown", "There is no tenant with this short name.", "tenant")
    return tenant


class Rows(ApiView, generics.GenericAPIView[M]):
    """Rows that the caller may see. Subclasses say which in `get_queryset`, through the tenant door."""

    filter_backends: Sequence[Any] = [DjangoFilterBackend, TenantFilter]
    #: How a row finds its tenant, for `?tenant=`; blank where there is no such filter.
    tenant_path: ClassVar[str] = ""
    filterset_class: ClassVar[Any] = None

    def context_of(self, rows: Sequence[M]) -> dict[str, Any]:
        """What their serializer needs beside these rows, in as many queries however many they are."""
        return {}

    def seen(self, rows: Sequence[M]) -> Sequence[Any]:
        """What is shown of them, one each."""
        return rows

    def get_serializer(self, rows: Any = None, **options: Any) -> BaseSerializer[Any]:
        is_many = options.get("many", False)
        listed = [] if rows is None else list(rows) if is_many else [rows]
        context = {**options.pop("context", self.get_serializer_context()), **self.context_of(listed)}
        seen = list(self.seen(listed))
        return super().get_serializer(seen if is_many else next(iter(seen), None), **options, context=context)

    def show(self, row: M) -> Any:
        return self.get_serializer(row).data

    def hold_first(self, row: M) -> None:
        """Lock what comes before this row in the order of `kernel.locks`: nothing, unless a subclass says what."""

    def hold(self, pk: str) -> M:
        """The row, locked until the transaction ends, behind what comes before it."""
        rows = self.get_queryset()
        self.hold_first(get_or_404(rows, pk=pk))
        return get_or_404(rows.select_for_update(of=("self",), no_key=True), pk=pk)


class PlatformRows(Rows[M]):
    """Rows of the platform's: to everybody else there is no such thing."""

    written_by = "platform"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.caller.platform is None:
            raise Http404

    @property
    def platform(self) -> Platform:
        assert self.caller.platform is not None, "nobody else comes this far"
        return self.caller.platform


class List(mixins.ListModelMixin, Rows[M]):
    def get(self, request: Request) -> Response:
        return self.list(request)

    @property
    def known_parameters(self) -> Sequence[str]:
        if self.request.method != "GET":
            return ()
        return [*self._filters, *(["tenant"] if self.tenant_path else ()), "cursor", "limit"]

    @property
    def parameters_of_several(self) -> Sequence[str]:
        return [name for name, each in self._filters.items() if isinstance(each, MultipleChoiceFilter)]

    @property
    def _filters(self) -> dict[str, Any]:
        return getattr(self.filterset_class, "base_filters", {})


class Changing(Rows[M]):
    """One row, or what belongs to it, that is changed and not read here."""

    filter_backends = []

    @contextmanager
    def changing(self, pk: str) -> Iterator[M]:
        """The row, locked in a transaction and in the state that `If-Match` names."""
        with transaction.atomic(durable=True):
            row = self.hold(pk)
            etag.check(self.request, lambda: self.show(row))
            yield row

    def shown(self, pk: str) -> Response:
        """The answer to a change that has taken effect: the thing as it is now."""
        return etag.tagged(self.request, self.show(get_or_404(self.get_queryset(), pk=pk)))


class One(Changing[M]):
    def get(self, request: Request, pk: str) -> Response:
        return etag.tagged(request, self.show(get_or_404(self.get_queryset(), pk=pk)))


@extend_schema(exclude=True)
class NoSuchAddress(ApiView):
    """Whatever no other route takes: for everybody, signed in or not, whatever the method."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not request.path.endswith("/"):
            raise Http404("Addresses of the API end in a slash.")
        raise Http404("There is no such address. The documentation is at /api/v1/docs/.")
