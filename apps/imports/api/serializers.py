"""Imports as scripts bring and follow them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.imports.models import Row, Standing
from apps.imports.reading import MOST_CHARACTERS, MOST_ROWS
from apps.kernel.api.bodies import Body, Text
from apps.kernel.api.fields import Address, Time
from apps.operations.api.serializers import OperationRef

STANDINGS = ("checked", "sending", "stopped", "over")


class ImportWrite(Body):
    """A sheet to be checked."""

    kind = Text(max_length=32, help_text="What it is of, such as `subnets`: as the list of that name is called.")
    sheet = Text(
        max_length=MOST_CHARACTERS, help_text=f"CSV. The first line names the columns; at most {MOST_ROWS:,} rows."
    )


class CountsRead(serializers.Serializer[Any]):
    """How many rows stand how."""

    ready = serializers.IntegerField(help_text="Right, and not sent yet.")
    same = serializers.IntegerField(help_text="Everything is as the row says.")
    faulty = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="Right when it was checked, and not any more when it was to be sent.")
    at_work = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Stuck, or undone.")


class ImportCan(serializers.Serializer[Any]):
    """Why something is not offered now; null when it is."""

    send = serializers.CharField(allow_null=True)
    stop = serializers.CharField(allow_null=True)


class ImportRead(serializers.Serializer[Any]):
    """A sheet that was brought, and how far it has come. The view puts `counts` into the context."""

    id = serializers.UUIDField()
    url = Address("api:fabric-import")
    kind = serializers.CharField()
    standing = serializers.ChoiceField(choices=STANDINGS)
    rows_url = Address("api:fabric-import-rows")
    rows = serializers.SerializerMethodField()
    can = serializers.SerializerMethodField()
    by = serializers.CharField(help_text="Who has brought it.")
    sender = serializers.CharField(help_text="Who has had it sent; else blank.")
    created_at = Time()
    sent_at = Time(allow_null=True)
    stopped_at = Time(allow_null=True)
    stopped_for = serializers.CharField(help_text="Why, when nobody has stopped it.")
    over_at = Time(allow_null=True)

    def get_rows(self, imported: Any) -> CountsRead:
        return CountsRead(self.context["counts"][imported.pk]).data  # type: ignore[return-value]

    def get_can(self, imported: Any) -> ImportCan:
        told = self.context["counts"][imported.pk]
        can = {action: imported.why_not(action, told) for action in ("send", "stop")}
        return ImportCan(can).data  # type: ignore[return-value]


class FaultRead(serializers.Serializer[Any]):
    """What is wrong with a row."""

    code = serializers.CharField()
    message = serializers.CharField()
    column = serializers.CharField(help_text="Blank for the whole row.")


class RowRead(serializers.Serializer[Row]):
    """A row of an import."""

    line = serializers.IntegerField(help_text="In the sheet, from 1, the first line's.")
    standing = serializers.ChoiceField(choices=Standing.choices)
    what = serializers.CharField(help_text="What would be done, in words.")
    sends = serializers.DictField(help_text="What would be sent; of a change that which differs.")
    cells = serializers.DictField(child=serializers.CharField())
    faults = FaultRead(many=True)
    operation = OperationRef(allow_null=True)
    phase = serializers.CharField(
        source="operation.phase", default=None, allow_null=True, help_text="Of the operation."
    )
    error = serializers.CharField(help_text="Why the operation has failed.")
