"""The inventory, for the platform alone: read only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema

from apps.fabric.api.inventory.serializers import DeviceRead, LinkRead, PortRead, SessionRead, SiteRead, SubnetRead
from apps.fabric.inventory import queries
from apps.fabric.inventory.filters import DeviceFilter, LinkFilter, PortFilter, SessionFilter, SiteFilter, SubnetFilter
from apps.fabric.inventory.queries import Surveys
from apps.fabric.models import (
    Surveyed,
    SurveyedDevice,
    SurveyedLink,
    SurveyedPort,
    SurveyedSession,
    SurveyedSite,
    SurveyedSubnet,
)
from apps.tenancy.api.views import List, One, PlatformRows

S = TypeVar("S", bound=Surveyed)


class DeviceRows(PlatformRows[SurveyedDevice]):
    serializer_class = DeviceRead

    def get_queryset(self) -> QuerySet[SurveyedDevice]:
        return SurveyedDevice.objects.all()

    def seen(self, rows: Sequence[SurveyedDevice]) -> Sequence[Any]:
        return queries.device_lines(rows, Surveys.read()) if rows else ()


class LinkRows(PlatformRows[SurveyedLink]):
    serializer_class = LinkRead

    def get_queryset(self) -> QuerySet[SurveyedLink]:
        return SurveyedLink.objects.all()

    def seen(self, rows: Sequence[SurveyedLink]) -> Sequence[Any]:
        return queries.link_lines(rows, Surveys.read()) if rows else ()


class SessionRows(PlatformRows[SurveyedSession]):
    serializer_class = SessionRead

    def get_queryset(self) -> QuerySet[SurveyedSession]:
        return SurveyedSession.objects.all()

    def seen(self, rows: Sequence[SurveyedSession]) -> Sequence[Any]:
        return queries.session_lines(rows, Surveys.read()) if rows else ()


class PortRows(PlatformRows[SurveyedPort]):
    serializer_class = PortRead

    def get_queryset(self) -> QuerySet[SurveyedPort]:
        return SurveyedPort.objects.all()

    def seen(self, rows: Sequence[SurveyedPort]) -> Sequence[Any]:
        return queries.port_lines(rows, Surveys.read()) if rows else ()


class SubnetRows(PlatformRows[SurveyedSubnet]):
    serializer_class = SubnetRead

    def get_queryset(self) -> QuerySet[SurveyedSubnet]:
        return SurveyedSubnet.objects.select_related("vpc__tenant")

    def seen(self, rows: Sequence[SurveyedSubnet]) -> Sequence[Any]:
        return queries.subnet_lines(rows, Surveys.read()) if rows else ()


class SiteRows(PlatformRows[SurveyedSite]):
    serializer_class = SiteRead

    def get_queryset(self) -> QuerySet[SurveyedSite]:
        return SurveyedSite.objects.all()

    def seen(self, rows: Sequence[SurveyedSite]) -> Sequence[Any]:
        return queries.site_lines(rows, Surveys.read()) if rows else ()


@extend_schema(summary="List devices of the fabric")
class DeviceList(DeviceRows, List[SurveyedDevice]):
    """Spines, leaves, SoftGates, hypervisors, servers and OOB switches, as Netris last described them."""

    filterset_class = DeviceFilter


@extend_schema(summary="Read a device of the fabric")
class DeviceOne(DeviceRows, One[SurveyedDevice]):
    pass


@extend_schema(summary="List links of the fabric")
class LinkList(LinkRows, List[SurveyedLink]):
    filterset_class = LinkFilter


@extend_schema(summary="Read a link of the fabric")
class LinkOne(LinkRows, One[SurveyedLink]):
    pass


@extend_schema(summary="List BGP sessions of the fabric")
class SessionList(SessionRows, List[SurveyedSession]):
    """Those with the internet, and those that should be and are not."""

    filterset_class = SessionFilter


@extend_schema(summary="Read a BGP session of the fabric")
class SessionOne(SessionRows, One[SurveyedSession]):
    pass


@extend_schema(summary="List ports of the fabric")
class PortList(PortRows, List[SurveyedPort]):
    filterset_class = PortFilter


@extend_schema(summary="Read a port of the fabric")
class PortOne(PortRows, One[SurveyedPort]):
    pass


class SubnetList(SubnetRows, List[SurveyedSubnet]):
    """Those of the System VPC, and what tenants' VPCs have of their own."""

    filterset_class = SubnetFilter


class SiteList(SiteRows, List[SurveyedSite]):
    """Those of each zone's Netris."""

    filterset_class = SiteFilter
