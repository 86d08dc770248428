"""Lists of things that neither this zone nor a portal's VPC has. Clients ask for them all the same, and get nothing."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.kit.store import Row

for _name in (
    "listIpForwardingRules",
    "listFirewallRules",
    "listEgressFirewallRules",
    "listSecurityGroups",
    "listAffinityGroups",
    "listSSHKeyPairs",
    "listSnapshots",
    "listInstanceGroups",
    "listIsos",
    "listSystemVms",
):

    @handles(_name)
    def nothing(call: Call) -> Row:
        call.accounts_in_scope()  # a foreign account or domain is refused, even here
        return {}
