"""What the pages of the inventory offer to do: they belong to an app below, and know of no changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from apps.fabric.models import SurveyedDevice, SurveyedLink
from apps.inventory.services import devices, links

register = template.Library()


@register.inclusion_tag("inventory/_device_actions.html", takes_context=True)
def device_actions(context: Mapping[str, Any], device: SurveyedDevice) -> dict[str, Any]:
    """Six queries at most. The page is the platform's."""
    reason = devices.why_not_change(device)
    return {
        "device": device,
        "zone": device.zone,
        "why_not_change": reason,
        "why_not_delete": reason or devices.why_not_delete(device, context["request"].platform),
    }


@register.inclusion_tag("inventory/_link_actions.html")
def link_actions(link: SurveyedLink) -> dict[str, Any]:
    """One query at most."""
    return {"link": link, "zone": link.zone, "reason": links.why_not(link)}
