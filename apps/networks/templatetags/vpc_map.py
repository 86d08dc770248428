"""`{% load vpc_map %}`: the map of a VPC on a page."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from apps.networks.vpc_map import VpcMap, render_vpc_map

register = template.Library()


@register.simple_tag
def vpc_map(plan: VpcMap) -> SafeString:
    return render_vpc_map(plan)
