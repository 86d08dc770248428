"""What stands inside a VPC: its public addresses and what they are used for, its lists of rules, its instances."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network

from apps.cloudstack.calls import Calls
from apps.cloudstack.wire import AclItem, AclList, BalancerRule, Instance, PortForward, PublicIp, StartedJob


class InsideVpcs(Calls):
    # Public IPs

    def list_public_ips(self, vpc_id: str) -> list[PublicIp]:
        return self._list("listPublicIpAddresses", "publicipaddress", PublicIp, vpcid=vpc_id)

    def public_ip_pages(self, zone_id: str) -> Iterator[list[PublicIp]]:
        """Every address of the zone's Netris pools, the free ones among them."""
        return self._pages(
            "listPublicIpAddresses", "publicipaddress", PublicIp, zoneid=zone_id, forprovider=True, allocatedonly=False
        )

    def get_public_ip(self, public_ip_id: str) -> PublicIp | None:
        """In whatever state: an address keeps its id when it is free again."""
        found = self._list("listPublicIpAddresses", "publicipaddress", PublicIp, id=public_ip_id, allocatedonly=False)
        return next(iter(found), None)

    def find_public_ip(self, address: IPv4Address, *, zone_id: str) -> PublicIp | None:
        """In whatever state it is."""
        found = self._list(
            "listPublicIpAddresses",
            "publicipaddress",
            PublicIp,
            ipaddress=address,
            zoneid=zone_id,
            allocatedonly=False,
        )
        return next((row for row in found if row.ipaddress == address), None)

    def acquire_public_ip(self, address: IPv4Address, *, vpc_id: str) -> StartedJob:
        """This one address, for the VPC and its owner. One that is taken, by whomever, is refused with 533 (REAL).

        Without an address CloudStack would take one of the virtual routers, which Netris cannot use (REAL).
        """
        return self._started("associateIpAddress", vpcid=vpc_id, ipaddress=address)

    def release_public_ip(self, public_ip_id: str) -> str:
        """Starts the job, which takes the address's rules away first. One that is free already: 530 (REAL)."""
        return self._job_of("disassociateIpAddress", self._write("disassociateIpAddress", id=public_ip_id))

    # Static NAT and port forwards

    def enable_static_nat(
        self, public_ip_id: str, *, instance_id: str, network_id: str, guest_address: IPv4Address | None = None
    ) -> None:
        """Answers when Netris has the rule. An instance can have one alone, whichever of its addresses it is for.

        Where Netris refuses, CloudStack says 530 and shows the address as static all the same (REAL): the way on is
        `disable_static_nat`, unless the instance has another, which that would take away (REAL).
        """
        self._write(
            "enableStaticNat",
            ipaddressid=public_ip_id,
            virtualmachineid=instance_id,
            networkid=network_id,
            vmguestip=guest_address,
        )

    def disable_static_nat(self, public_ip_id: str) -> str:
        return self._job_of("disableStaticNat", self._write("disableStaticNat", ipaddressid=public_ip_id))

    def port_forwards_of(self, public_ip_id: str) -> list[PortForward]:
        return self._list("listPortForwardingRules", "portforwardingrule", PortForward, ipaddressid=public_ip_id)

    def port_forward_pages(self) -> Iterator[list[PortForward]]:
        return self._pages("listPortForwardingRules", "portforwardingrule", PortForward)

    def get_port_forward(self, rule_id: str) -> PortForward | None:
        return self._get("listPortForwardingRules", "portforwardingrule", PortForward, rule_id)

    def create_port_forward(
        self,
        public_ip_id: str,
        *,
        instance_id: str,
        network_id: str,
        protocol: str,
        public_port: int,
        private_port: int,
    ) -> StartedJob:
        """One port, to the instance's first address in the tier: the plugin cannot do more (REAL). The instance must
        have been started once. An equal rule is refused with 537 (REAL)."""
        return self._started(
            "createPortForwardingRule",
            ipaddressid=public_ip_id,
            virtualmachineid=instance_id,
            networkid=network_id,
            protocol=protocol,
            publicport=public_port,
            privateport=private_port,
        )

    def delete_port_forward(self, rule_id: str) -> str:
        return self._job_of("deletePortForwardingRule", self._write("deletePortForwardingRule", id=rule_id))

    # Load balancers. No update: the plugin renames what it cannot find again, and resets the rest (REAL).

    def balancer_rules_of(self, public_ip_id: str) -> list[BalancerRule]:
        return self._list("listLoadBalancerRules", "loadbalancerrule", BalancerRule, publicipid=public_ip_id)

    def balancer_rule_pages(self) -> Iterator[list[BalancerRule]]:
        return self._pages("listLoadBalancerRules", "loadbalancerrule", BalancerRule)

    def get_balancer_rule(self, rule_id: str) -> BalancerRule | None:
        return self._get("listLoadBalancerRules", "loadbalancerrule", BalancerRule, rule_id)

    def create_balancer_rule(
        self,
        public_ip_id: str,
        *,
        name: str,
        network_id: str,
        protocol: str,
        public_port: int,
        private_port: int,
    ) -> StartedJob:
        """Netris hears of it with its first member (REAL). An overlapping one is refused with 537, whatever its name
        (REAL). Without `cidrlist`, so that the plugin makes no rules for it: where it has to, the balancer is open to
        all until they are there (REAL). The algorithm must be said and means nothing (REAL)."""
        return self._started(
            "createLoadBalancerRule",
            publicipid=public_ip_id,
            name=name,
            networkid=network_id,
            protocol=protocol,
            publicport=public_port,
            privateport=private_port,
            algorithm="roundrobin",
        )

    def members_of(self, rule_id: str) -> list[Instance]:
        """The instances of a load balancer, shown without their hosts. One of no rule has none."""
        found = "loadbalancerruleinstance"
        return self._list("listLoadBalancerRuleInstances", found, Instance, listall=None, id=rule_id)

    def assign_members(self, rule_id: str, instance_ids: Collection[str]) -> str:
        """Starts the job. It fails as a whole, with 530 and no reason, if one of them is a member already or has no NIC
        in the rule's tier (REAL). On Netris it resets health check and protocol (REAL)."""
        members = ",".join(instance_ids)
        body = self._write("assignToLoadBalancerRule", id=rule_id, virtualmachineids=members)
        return self._job_of("assignToLoadBalancerRule", body)

    def remove_members(self, rule_id: str, instance_ids: Collection[str]) -> str:
        """Starts the job, which succeeds for those that are no members as well, and resets the same (REAL). With the
        last member gone an empty balancer stays on Netris (REAL)."""
        members = ",".join(instance_ids)
        body = self._write("removeFromLoadBalancerRule", id=rule_id, virtualmachineids=members)
        return self._job_of("removeFromLoadBalancerRule", body)

    def delete_balancer_rule(self, rule_id: str) -> str:
        """Starts the job. One that is gone already: 431 (REAL)."""
        return self._job_of("deleteLoadBalancerRule", self._write("deleteLoadBalancerRule", id=rule_id))

    # Network ACLs. No update and no move: the plugin does both wrong (REAL).

    def acl_lists_of(self, vpc_id: str) -> list[AclList]:
        """Those of the VPC itself."""
        found = self._list("listNetworkACLLists", "networkacllist", AclList, vpcid=vpc_id)
        return [row for row in found if row.vpcid == vpc_id]

    def get_acl_list(self, acl_id: str) -> AclList | None:
        return self._get("listNetworkACLLists", "networkacllist", AclList, acl_id)

    def create_acl_list(self, *, name: str, description: str, vpc_id: str) -> StartedJob:
        """A second call makes a second list of that name (REAL)."""
        return self._started("createNetworkACLList", name=name, description=description, vpcid=vpc_id)

    def delete_acl_list(self, acl_id: str) -> str:
        """Starts the job. It fails while a tier has the list."""
        return self._job_of("deleteNetworkACLList", self._write("deleteNetworkACLList", id=acl_id))

    def replace_acl_list(self, acl_id: str, *, network_id: str) -> str:
        """Starts the job: it takes all rules of the tier off Netris, then puts those of this list there one by one in
        the order of their numbers, also where the tier has the list already (REAL)."""
        body = self._write("replaceNetworkACLList", aclid=acl_id, networkid=network_id)
        return self._job_of("replaceNetworkACLList", body)

    def acl_items(self, acl_id: str) -> list[AclItem]:
        """In the order of their numbers, which is not the order that CloudStack lists them in."""
        found = self._list("listNetworkACLs", "networkacl", AclItem, aclid=acl_id)
        return sorted(found, key=lambda item: item.number)

    def acl_item_pages(self) -> Iterator[list[AclItem]]:
        return self._pages("listNetworkACLs", "networkacl", AclItem)

    def create_acl_item(
        self,
        acl_id: str,
        *,
        number: int,
        action: str,
        traffic_type: str,
        protocol: str,
        cidr: IPv4Network,
        start_port: int | None = None,
        end_port: int | None = None,
        icmp_type: int | None = None,
        icmp_code: int | None = None,
        reason: str | None = None,
    ) -> StartedJob:
        """With a number, so that a second call is refused with 431 and makes no second item (REAL); and about one
        range, because a change to several would leave rules behind (REAL)."""
        return self._started(
            "createNetworkACL",
            aclid=acl_id,
            number=number,
            action=action,
            traffictype=traffic_type,
            protocol=protocol,
            cidrlist=cidr,
            startport=start_port,
            endport=end_port,
            icmptype=icmp_type,
            icmpcode=icmp_code,
            reason=reason,
        )

    def delete_acl_item(self, item_id: str) -> str:
        return self._job_of("deleteNetworkACL", self._write("deleteNetworkACL", id=item_id))

    # Instances, with their NICs and nothing else that costs CloudStack a look at each

    def instance_pages(self, zone_id: str) -> Iterator[list[Instance]]:
        """Every instance of the zone. Destroyed ones are among them until they are expunged."""
        return self._pages("listVirtualMachines", "virtualmachine", Instance, zoneid=zone_id, details="nics")

    def instances_of(self, vpc_id: str) -> list[Instance]:
        """Those with a NIC in one of the VPC's tiers."""
        return self._list("listVirtualMachines", "virtualmachine", Instance, vpcid=vpc_id, details="nics")

    def get_instance(self, instance_id: str) -> Instance | None:
        found = self._list("listVirtualMachines", "virtualmachine", Instance, id=instance_id, details="nics")
        return next(iter(found), None)
