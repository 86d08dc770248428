"""A client of the Netris controller's API (4.4 to 4.15), as far as Weft uses it. It knows HTTP, not Django."""

from apps.netris.client import Netris, connect

__all__ = ["Netris", "connect"]
