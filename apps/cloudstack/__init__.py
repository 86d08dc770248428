"""A client of Apache CloudStack's API (4.21, 4.22), as far as Weft uses it. It knows HTTP, not Django."""

from apps.cloudstack.calls import refusal_of
from apps.cloudstack.client import COMMANDS, CloudStack, connect, oldest

__all__ = ["COMMANDS", "CloudStack", "connect", "oldest", "refusal_of"]
