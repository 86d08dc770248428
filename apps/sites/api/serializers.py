"""Sites as scripts make and change them."""

from __future__ import annotations

from apps.kernel.api.bodies import Body, Count, NameText, Text
from apps.sites.specs import MOST_ASN


class SiteChangeWrite(Body):
    """Only what is to be different."""

    name = NameText(required=False, help_text="It stays while a zone builds in the site.")
    public_asn = Count(required=False, min_value=1, max_value=MOST_ASN)
    acl_policy = Text(
        required=False, max_length=16, help_text="`permit` or `deny`: what it does with packets that no rule speaks of."
    )
    switch_fabric = Text(required=False, max_length=32, help_text="`netris` or `dot1q_trunk`.")
    vlan_range = Text(required=False, max_length=9, help_text="Such as `2-4094`, which it is if it is blank.")


class SiteWrite(SiteChangeWrite):
    """A site that permits and is of Netris' own fabric, if nothing else is said."""

    zone = Text(max_length=63, help_text="The id, the name or the short name of a zone.")
    name = NameText()
    public_asn = Count(min_value=1, max_value=MOST_ASN)
