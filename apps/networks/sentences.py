"""CloudStack's refusals in words that help a tenant. What CloudStack said is kept for the platform."""

from __future__ import annotations

NO_ADDRESS = "The zone has no public IP left for another VPC. Tell your provider, who can add some."

#: A part of CloudStack's text, in lower case, and what it means for whoever asked.
MEANINGS = (
    # "Cannot find any free IP matching on the VLAN range...": no Netris address is left for source NAT.
    ("cannot find any free ip matching", NO_ADDRESS),
    # 533, where the text above is not what a caller is shown.
    ("insufficient address capacity", NO_ADDRESS),
    # "...Failed to allocate VXLAN for Netris guest Network null": every VNI has been handed out.
    (
        "failed to allocate vxlan for netris",
        "The zone has no network number left for another tier. Tell your provider, who can add some.",
    ),
)


def explain(text: str) -> str:
    """The meaning of a known refusal, or the text itself."""
    return next((meaning for part, meaning in MEANINGS if part in text.lower()), text)
