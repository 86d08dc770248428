"""What a status looks like: a tone (a colour of the design language), an icon, a shape for maps, and words.

tone        stands for
sage        well, done
indigo      under way
weld        needs a look
madder      failed, stuck, down
woad        under maintenance
heather     dormant: asleep and meant to be
linen       nothing known, not yet, no longer
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Look:
    words: str
    tone: str
    icon: str
    #: The same status in a map, where colour alone must not speak: disc, ring, dot-ring, triangle, square or cross.
    shape: str
    is_moving: bool = False


UNKNOWN = Look("Unknown", "linen", "circle-question-mark", "ring")

LOOKS = {
    "ready": Look("Ready", "sage", "circle-check", "disc"),
    "building": Look("Building", "indigo", "loader-circle", "dot-ring", is_moving=True),
    "changing": Look("Changing", "indigo", "loader-circle", "dot-ring", is_moving=True),
    "removing": Look("Removing", "weld", "loader-circle", "dot-ring", is_moving=True),
    "dormant": Look("Dormant", "heather", "moon", "ring"),
    "differs": Look("Systems differ", "weld", "triangle-alert", "triangle"),
    "stuck": Look("Stuck", "madder", "octagon-alert", "square"),
    "failed": Look("Failed", "madder", "circle-x", "cross"),
    "queued": Look("Queued", "linen", "clock", "ring"),
    "planned": Look("Planned", "linen", "circle-dashed", "ring"),
    "deleted": Look("Deleted", "linen", "trash-2", "cross"),
    "unknown": UNKNOWN,
    "stale": Look("Stale", "linen", "clock-alert", "ring"),
    # operations
    "succeeded": Look("Succeeded", "sage", "circle-check", "disc"),
    "rolled-back": Look("Rolled back", "weld", "undo-2", "triangle"),
    "cancelled": Look("Cancelled", "linen", "ban", "cross"),
    "cancelling": Look("Cancelling", "weld", "loader-circle", "dot-ring", is_moving=True),
    "given-up": Look("Given up", "weld", "flag", "cross"),
    # steps of an operation
    "done": Look("Done", "sage", "check", "disc"),
    "now": Look("Now", "indigo", "loader-circle", "dot-ring", is_moving=True),
    "waiting": Look("Waiting", "linen", "circle-small", "ring"),
    "undoing": Look("Being undone", "weld", "loader-circle", "dot-ring", is_moving=True),
    "undone": Look("Undone", "linen", "undo-2", "ring"),
    # devices, links and checks
    "ok": Look("OK", "sage", "circle-check", "disc"),
    "warning": Look("Warning", "weld", "triangle-alert", "triangle"),
    "critical": Look("Critical", "madder", "octagon-alert", "square"),
    "maintenance": Look("Maintenance", "woad", "wrench", "square"),
    "up": Look("Up", "sage", "circle-check", "disc"),
    "down": Look("Down", "madder", "circle-x", "cross"),
    "unused": Look("Unused", "linen", "circle-dashed", "ring"),
    "disabled": Look("Disabled", "linen", "ban", "cross"),
    "missing": Look("Missing", "weld", "circle-dashed", "triangle"),
    "slow": Look("Slow", "weld", "clock-alert", "triangle"),
    "suspected": Look("Suspected", "weld", "triangle-alert", "triangle"),
    "away": Look("Reconnecting", "indigo", "loader-circle", "dot-ring", is_moving=True),
    "active": Look("Active", "sage", "circle-check", "disc"),
    "stopped": Look("Stopped", "linen", "circle-stop", "ring"),
    "suspended": Look("Suspended", "weld", "circle-pause", "triangle"),
    # load balancers and their members
    "configured": Look("Configured", "sage", "circle-check", "disc"),
    "healthy": Look("Healthy", "sage", "circle-check", "disc"),
    "degraded": Look("Degraded", "weld", "triangle-alert", "triangle"),
    "unprobed": Look("Not probed", "linen", "eye-off", "ring"),
    "empty": Look("No member in rotation", "weld", "triangle-alert", "triangle"),
    "drained": Look("Drained", "woad", "wrench", "square"),
    # peerings
    "requested": Look("Requested", "indigo", "clock", "ring"),
    "rejected": Look("Rejected", "weld", "ban", "cross"),
    "withdrawn": Look("Withdrawn", "linen", "undo-2", "cross"),
    "expired": Look("Expired", "weld", "clock-alert", "cross"),
    "revoked": Look("Revoked", "linen", "unlink", "cross"),
    # orders of Direct Connect: what was reached, which says nothing of what is up now
    "draft": Look("Draft", "linen", "circle-dashed", "ring"),
    "submitted": Look("Submitted", "indigo", "clock", "ring"),
    "approved": Look("Approved", "indigo", "clock", "ring"),
    "port-reserved": Look("Port reserved", "indigo", "ethernet-port", "dot-ring"),
    "loa-issued": Look("LOA issued", "indigo", "file-check", "dot-ring"),
    "cross-connect-reported": Look("Cross-connect reported", "indigo", "cable", "dot-ring"),
    "light-seen": Look("Light seen", "indigo", "sun", "dot-ring"),
    "vlan-up": Look("VLAN up", "indigo", "network", "dot-ring"),
    "bgp-established": Look("BGP established", "indigo", "handshake", "dot-ring"),
    "prefixes-accepted": Look("Prefixes accepted", "indigo", "route", "dot-ring"),
    "in-service": Look("In service", "indigo", "flag", "disc"),
    "on-hold": Look("On hold", "weld", "circle-pause", "triangle"),
    "closing": Look("Closing", "weld", "loader-circle", "dot-ring", is_moving=True),
    "closed": Look("Closed", "linen", "circle-x", "cross"),
    # Django's message levels
    "success": Look("Done", "sage", "circle-check", "disc"),
    "info": Look("Note", "indigo", "info", "ring"),
    "debug": Look("Note", "linen", "info", "ring"),
    "error": Look("Error", "madder", "octagon-alert", "square"),
}

OTHER_WORDS = {
    "pending": "queued",
    "running": "building",
    "present": "ready",
    "rolled back": "rolled-back",
    "in progress": "now",
}


def look_of(word: object) -> Look:
    """The look of a status. A word that nobody described is shown as it is, in the colour of not knowing."""
    key = str(word or "").strip().lower().replace("_", "-")
    key = OTHER_WORDS.get(key.replace("-", " "), OTHER_WORDS.get(key, key))
    if key in LOOKS:
        return LOOKS[key]
    return replace(UNKNOWN, words=key.replace("-", " ").capitalize()) if key else UNKNOWN
