"""Virtual interfaces as they are shown, and the bodies that ask for them. What values make sense is for `specs` and the
services."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from apps.directconnect.checks import Check, Layer, Verdict, worst_of
from apps.directconnect.filters import MOST_PREFIXES
from apps.directconnect.interfaces.queries import ACTIONS, Asn, why_not, why_off
from apps.directconnect.interfaces.specs import LONGEST_TEST, MOST_TAKEN, TAKEN
from apps.directconnect.models import FIRST_VLAN, LAST_ASN, LAST_VLAN, Interface
from apps.kernel.api.bodies import Body, Count, Flag, NameText, Text, Texts
from apps.kernel.api.fields import ANY, Time
from apps.networks.api.serializers import CAN, Offers, VpcRef
from apps.networks.specs import CIDR_LENGTH
from apps.operations.api.serializers import STATUSES
from apps.tenancy.api.serializers import TenantRef

LAYERS = [each.value for each in Layer]
VERDICTS = [each.value for each in Verdict]
ANNOUNCE = "Parts of the VPC's range that your router hears of; without any it hears of nothing."
ACCEPT = "What the VPC takes from your router, with all parts of it; `0.0.0.0/0` is the default route alone."
LIMIT = f"The session falls when your router announces more. {TAKEN} unless it is given."
KEY = "An MD5 key of your own: 8 to 80 letters, digits and signs. It is never told again but through `md5/`, once."
MAKE = "Have a key made, and fetch it through `md5/`."


@extend_schema_field(OpenApiTypes.URI)
class InterfaceAddress(serializers.Field[Interface, Any, str, Any]):
    """Of a row, within its connection. The route is looked up once for all rows of an answer."""

    def __init__(self) -> None:
        super().__init__(read_only=True, source="*")
        self._patterns: dict[UUID, str] = {}

    def to_representation(self, row: Interface) -> str:
        if row.connection_id not in self._patterns:
            kwargs, request = {"pk": row.connection_id, "interface": ANY}, self.context.get("request")
            self._patterns[row.connection_id] = reverse("api:interface", kwargs=kwargs, request=request)
        return self._patterns[row.connection_id].replace(str(ANY), str(row.pk))


class InterfaceRef(serializers.Serializer[Interface]):
    id = serializers.UUIDField()
    url = InterfaceAddress()
    name = serializers.CharField()


class AddressesRead(serializers.Serializer[Interface]):
    """Both ends of the link."""

    local = serializers.SerializerMethodField(help_text="Ours, with its length.")
    remote = serializers.CharField(source="remote_address", help_text="Your router's address.")

    @extend_schema_field(serializers.CharField())
    def get_local(self, row: Interface) -> str:
        return f"{row.local_address}/{row.prefix_length}"


class InterfaceCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    rename = serializers.CharField(allow_null=True)
    change = serializers.CharField(allow_null=True)
    delete = serializers.CharField(allow_null=True)
    apply = serializers.CharField(allow_null=True)
    test = serializers.CharField(allow_null=True)
    end_test = serializers.CharField(allow_null=True)
    show_key = serializers.CharField(allow_null=True)


class InterfaceRead(Offers):
    """A VLAN of a connection's port and a BGP session over it, which lead into a VPC."""

    for_platform = ("tenant",)

    id = serializers.UUIDField()
    url = InterfaceAddress()
    tenant = TenantRef(required=False, help_text="For the platform only.")
    connection = serializers.UUIDField(source="connection_id")
    vpc = VpcRef()
    name = serializers.CharField()
    status = serializers.ChoiceField(
        choices=STATUSES, help_text="Ready when its last operation succeeded. Whether it works `checks/` tells."
    )
    vlan = serializers.IntegerField()
    addresses = AddressesRead(source="*")
    our_asn = serializers.SerializerMethodField(help_text="What your router has to expect; null while it is not known.")
    our_asn_read_at = serializers.SerializerMethodField(help_text="When Netris said so.")
    peer_asn = serializers.IntegerField()
    announce = serializers.ListField(child=serializers.CharField(), help_text=ANNOUNCE)
    accept = serializers.ListField(child=serializers.CharField(), help_text=ACCEPT)
    max_prefixes = serializers.IntegerField()
    bfd = serializers.BooleanField()
    has_md5 = serializers.BooleanField(help_text="The session has an MD5 key.")
    md5_shown_at = Time(allow_null=True, help_text="When the key was shown, which happens once.")
    is_enabled = serializers.BooleanField(help_text="Its session is meant to be up.")
    off = serializers.SerializerMethodField(help_text="Why it is not; blank while it is.")
    test_until = Time(allow_null=True, help_text="When a test of fail-over ends by itself.")
    can = serializers.SerializerMethodField(help_text=CAN)
    created_at = Time()

    def _asn(self) -> Asn:
        found: Asn = self.context["asn"]
        return found

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_our_asn(self, row: Interface) -> int | None:
        return self._asn().number

    @extend_schema_field(Time(allow_null=True))
    def get_our_asn_read_at(self, row: Interface) -> str | None:
        at = self._asn().read_at
        return Time().to_representation(at) if at else None

    @extend_schema_field(serializers.CharField())
    def get_off(self, row: Interface) -> str:
        return why_off(row)

    @extend_schema_field(InterfaceCan)
    def get_can(self, row: Interface) -> dict[str, str | None]:
        work = self.work(row.vpc_id)
        return {action: why_not(row, action, work) for action in ACTIONS}


def _prefixes(help_text: str) -> Texts:
    return Texts(child=Text(max_length=CIDR_LENGTH), required=False, max_length=MOST_PREFIXES, help_text=help_text)


class EndsWrite(Body):
    """Both ends of the link: private addresses, or such as are seen on it alone. Without them Weft gives a /31."""

    local = Text(max_length=CIDR_LENGTH, help_text="Ours, with its length: `10.255.0.1/30`, or a /31.")
    remote = Text(max_length=CIDR_LENGTH, help_text="Your router's address.")


class InterfaceChange(Body):
    """What can be changed of a virtual interface; what is left out stays. A name changes at once, and alone. Another
    VLAN, other addresses or another VPC are another interface."""

    name = NameText(required=False)
    peer_asn = Count(required=False, min_value=1, max_value=LAST_ASN, help_text="A private one.")
    announce = _prefixes(ANNOUNCE)
    accept = _prefixes(ACCEPT)
    max_prefixes = Count(required=False, min_value=1, max_value=MOST_TAKEN, help_text=LIMIT)
    md5 = Text(required=False, max_length=80, help_text=f"{KEY} Blank takes it away.")
    make_md5 = Flag(required=False, help_text=MAKE)
    bfd = Flag(required=False)


class InterfaceWrite(InterfaceChange):
    """A virtual interface to be."""

    vpc = Text(max_length=36, help_text="The id of a VPC in the zone of the connection.")
    name = NameText(required=False, help_text="Without it one that says VPC and VLAN.")
    vlan = Count(
        required=False,
        min_value=FIRST_VLAN,
        max_value=LAST_VLAN,
        help_text="Without it one is given. On a shared port it always is.",
    )
    peer_asn = Count(min_value=1, max_value=LAST_ASN, help_text="Of your router: a private one.")
    addresses = EndsWrite(required=False)
    md5 = Text(required=False, max_length=80, help_text=KEY)
    bfd = Flag(required=False, help_text="On unless it is switched off.")


class TestWrite(Body):
    minutes = Count(
        required=False,
        min_value=1,
        max_value=LONGEST_TEST,
        help_text="After so many it ends by itself; 15 if not given.",
    )


class KeyRead(serializers.Serializer[Any]):
    """The key of a session, this once."""

    md5 = serializers.CharField(allow_null=True, help_text="Null in the answer to a request that is sent again.")
    md5_shown_at = Time()


# --- what is known of them ------------------------------------------------------------------------------------------


class LayerRead(serializers.Serializer[Check]):
    """What may be said of one layer now, from what was read of it."""

    layer = serializers.ChoiceField(choices=LAYERS)
    verdict = serializers.ChoiceField(
        choices=VERDICTS,
        help_text="`waiting` for a layer below, `off` when it is switched off, `unknown` while no fresh reading tells.",
    )
    sentence = serializers.CharField()
    advice = serializers.CharField(help_text="What to do; blank where nothing is.")
    read_at = Time(allow_null=True, help_text="When Netris was read; null while it was not.")
    age_seconds = serializers.SerializerMethodField(help_text="How long ago that was.")

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_age_seconds(self, check: Check) -> int | None:
        return age_of(check, self.context["now"])


def age_of(check: Check, now: datetime) -> int | None:
    """In seconds. A clock that was set back makes nothing younger than new."""
    return None if check.read_at is None else max(0, int((now - check.read_at).total_seconds()))


class InterfaceChecksRead(serializers.Serializer[Any]):
    """An interface from the cable up: light, VLAN, session, routes."""

    interface = InterfaceRef(source="row")
    worst = serializers.SerializerMethodField(help_text="The lowest layer that is not well: look at it first.")
    layers = LayerRead(source="told.checks", many=True)

    @extend_schema_field(serializers.ChoiceField(choices=LAYERS, allow_null=True))
    def get_worst(self, of: Any) -> str | None:
        worst = worst_of(of.told.checks)
        return worst.layer if worst else None


class ChecksRead(serializers.Serializer[Any]):
    """What may be said of a connection now."""

    light = LayerRead(allow_null=True, help_text="Of the port, also without an interface; null while there is none.")
    results = InterfaceChecksRead(many=True)


class ReceivedRead(serializers.Serializer[Any]):
    """Inward. Netris tells how many prefixes a session takes, and not which."""

    filter = serializers.ListField(child=serializers.CharField(), source="row.accept", help_text="What may come in.")
    count = serializers.IntegerField(
        source="told.takes", allow_null=True, help_text="How many are taken; null while no fresh reading tells."
    )
    last_count = serializers.IntegerField(
        source="row.took_last", allow_null=True, help_text="How many were when the session was seen up last."
    )
    limit = serializers.IntegerField(source="row.max_prefixes")


class AdvertisedRead(serializers.Serializer[Any]):
    """Outward. Netris does not list what it announces: this is what the filter lets out of the VPC's tiers."""

    filter = serializers.ListField(child=serializers.CharField(), source="row.announce", help_text="What may go out.")
    prefixes = serializers.ListField(child=serializers.CharField(), source="told.announced")
    count = serializers.SerializerMethodField()

    def get_count(self, of: Any) -> int:
        return len(of.told.announced)


class InterfaceRoutesRead(serializers.Serializer[Any]):
    """What passes over the session of an interface, as far as is known."""

    interface = InterfaceRef(source="row")
    verdict = serializers.ChoiceField(source="told.routes.verdict", choices=VERDICTS)
    sentence = serializers.CharField(source="told.routes.sentence")
    read_at = Time(source="told.routes.read_at", allow_null=True)
    age_seconds = serializers.SerializerMethodField()
    received = ReceivedRead(source="*")
    advertised = AdvertisedRead(source="*")

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_age_seconds(self, of: Any) -> int | None:
        return age_of(of.told.routes, self.context["now"])


class SessionRoutesRead(serializers.Serializer[Any]):
    """What the own sessions of a connection let through."""

    note = serializers.CharField(help_text="What Netris does not tell.")
    results = InterfaceRoutesRead(many=True)
