"""Reading a request's body: JSON, an object, the right types, no unknown names. Whether values make sense is for specs.

Bodies are strict, because a script's mistake should be heard: `"cidrs"` for `"cidr"` is refused by name, and a
number is not quietly turned into a string.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.fields import empty
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from apps.kernel.errors import Refused
from apps.kernel.limits import TEXT
from apps.kernel.names import DESCRIPTION, NAME


class StrictJson(JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error


class BodyRows(serializers.ListSerializer[Any]):
    """A list in a body. One that is too long is refused before any of its rows is looked at."""

    max_length: int | None

    def to_internal_value(self, data: Any) -> list[Any]:
        count_first(self, data)
        rows: list[Any] = super().to_internal_value(data)
        return rows


class Body(serializers.Serializer[Any]):
    """Subclasses list the fields. A field that is absent is absent from the result too."""

    default_error_messages = {"invalid": "Expected a JSON object."}

    class Meta:
        list_serializer_class = BodyRows

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """The checked body. Raises `Refused` or `ValidationError`."""
        if not isinstance(request.data, Mapping):
            raise Refused("not-an-object", "The body must be a JSON object, such as {…}.")
        body = cls(data=request.data, context={"request": request})
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            errors = {_printable(name): [self._unknown()] for name in data if name not in self.fields}
        try:
            values = super().to_internal_value(data)
        except ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            errors = {**error.detail, **errors}
        if errors:
            raise ValidationError(errors)
        return values

    def _unknown(self) -> ErrorDetail:
        known = ", ".join(self.fields)
        text = f"There is no such field here. Known: {known}." if known else "This request takes no fields."
        return ErrorDetail(text, code="unknown-field")


def _printable(name: str) -> str:
    """A name as it may be repeated in an answer: not endless, and without the halves of characters that JSON allows."""
    return name[:63].encode("utf-8", "replace").decode()


class Text(serializers.CharField):
    """A string as it is: not trimmed, not made from a number, perhaps empty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"trim_whitespace": False, "max_length": TEXT} | options))

    def run_validation(self, data: Any = empty) -> Any:
        # What a blank means is for the spec, which says what to write instead.
        return data if data == "" else super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("Expected a string.", code="wrong-type")
        return super().to_internal_value(data)


class Texts(serializers.ListField):
    """Strings as they are. Too many are refused before any of them is looked at."""

    child = Text()

    def to_internal_value(self, data: Any) -> list[str]:
        count_first(self, data)
        return super().to_internal_value(data)


def count_first(field: BodyRows | Texts, data: Any) -> None:
    if field.max_length is not None and isinstance(data, list) and len(data) > field.max_length:
        message = f"At most {field.max_length} of them can be sent at once; these are {len(data):,}."
        raise ValidationError({"non_field_errors": [ErrorDetail(message, f"too-many-{field.field_name}")]})


class Count(serializers.IntegerField):
    """A whole number, not a string of digits and not `true`."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise ValidationError("Expected a whole number.", code="wrong-type")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """`true` or `false`, and no word or number that could mean one of them."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            raise ValidationError("Expected true or false.", code="wrong-type")
        return data


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": NAME.most, "example": "web"})
class NameText(Text):
    pass


@extend_schema_field({"type": "string", "maxLength": DESCRIPTION.most})
class DescriptionText(Text):
    pass
