"""Allocations and subnets as scripts make and change them."""

from __future__ import annotations

from apps.kernel.api.bodies import Body, DescriptionText, NameText, Text, Texts


class BlockChangeWrite(Body):
    """Only what is to be different. An allocation has a name and a description alone."""

    name = NameText(required=False)
    description = DescriptionText(required=False)
    purpose = Text(required=False, max_length=32, help_text="`common`, `loopback`, `management` …")
    sites = Texts(required=False, max_length=50, help_text="Names of sites.")
    gateway = Text(required=False, max_length=50, help_text="Of a subnet for `management`; blank for none.")


class BlockWrite(BlockChangeWrite):
    """An allocation of the System VPC, or a subnet in one."""

    zone = Text(max_length=63, help_text="The id, the name or the short name of a zone.")
    type = Text(max_length=16, help_text="`allocation` or `subnet`.")
    prefix = Text(max_length=50)
    name = NameText()
    sites = Texts(required=False, max_length=50, help_text="Names of sites; that of the zone if there are none.")
