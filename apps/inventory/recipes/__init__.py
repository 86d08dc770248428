"""What is done to the inventory of Netris."""

from apps.inventory.recipes.devices import DEVICE
from apps.inventory.recipes.links import LINK
from apps.inventory.recipes.ports import PORT

__all__ = ["DEVICE", "LINK", "PORT"]
