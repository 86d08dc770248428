"""What is counted and limited, and how many of each a tenant may have unless the platform says otherwise.

A resource is shown and can be limited once the app that makes it has registered it (`AppConfig.ready`). What counts it
is a trigger of the database: `counting.counted` in a migration of that app.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    key: str
    #: What one of them is called in a sentence.
    noun: str
    default: int

    @property
    def label(self) -> str:
        """As the head of a bar or a list: "VPCs", "Access lists"."""
        return f"{self._capital}s"

    @property
    def limit_label(self) -> str:
        return f"{self._capital} limit"

    @property
    def field(self) -> str:
        """What its limit is called in forms, in the API and in the audit log."""
        return f"max_{self.key}s"

    @property
    def code(self) -> str:
        """Of the refusal when there is no room."""
        return f"quota-{self.key.replace('_', '-')}s"

    @property
    def _capital(self) -> str:
        return self.noun[:1].upper() + self.noun[1:]


#: No tenant may have more of anything: what somebody typed was a slip.
MOST_OF_ONE = 100_000

VPC = Resource("vpc", "VPC", 20)
TIER = Resource("tier", "tier", 60)
STATIC_ROUTE = Resource("static_route", "static route", 100)
PUBLIC_IP = Resource("public_ip", "public IP", 20)
#: A static NAT, or a port forward of however many ports.
NAT_RULE = Resource("nat_rule", "NAT rule", 200)
LOAD_BALANCER = Resource("load_balancer", "load balancer", 50)
#: An order counts from its draft on.
DIRECT_CONNECT = Resource("direct_connect", "Direct Connect connection", 10)
ACL = Resource("acl", "access list", 40)
ACL_RULE = Resource("acl_rule", "access list rule", 2000)

_ORDER = (VPC, TIER, STATIC_ROUTE, PUBLIC_IP, NAT_RULE, LOAD_BALANCER, DIRECT_CONNECT, ACL, ACL_RULE)
_registered: set[Resource] = set()


def register(*resources: Resource) -> None:
    """Apps call this from `AppConfig.ready`."""
    if unknown := set(resources).difference(_ORDER):
        raise ValueError(f"not in the order of resources: {unknown}")
    _registered.update(resources)


def resources() -> list[Resource]:
    """Those that there are in this Weft, in the order in which they are shown."""
    return [resource for resource in _ORDER if resource in _registered]


def by_key() -> dict[str, Resource]:
    return {resource.key: resource for resource in resources()}
