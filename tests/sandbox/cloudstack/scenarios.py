"""One call of every command that succeeds: what must be there first, and what is sent.

`SCENARIOS[command](at)` makes what the command needs, out of the things of `at`, and returns its parameters. A value
that is an object stands for its id.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from tests.sandbox.cloudstack.client import root_of

PORTS = {"publicport": 80, "privateport": 8080}
GATE = {"gateway": "10.99.0.1", "ipaddress": "10.99.0.2", "netmask": "255.255.255.0", "vlan": "vlan://99"}
FAR_END = {
    **{"gateway": "203.0.113.9", "cidrlist": "172.16.0.0/16,172.17.0.0/16", "ipsecpsk": "a-secret", "name": "far"},
    **{"ikepolicy": "aes256-sha256;modp2048", "esppolicy": "aes256-sha256;modp2048", "ikeversion": "ikev2"},
}
PAIR = {"tags[0].key": "env", "tags[0].value": "prod"}
PERSON = {"email": "x@example.net", "firstname": "X", "lastname": "Y", "password": "secret", "username": "xy"}
POOL = {"gateway": "198.51.0.1", "netmask": "255.255.255.0", "startip": "198.51.0.2", "endip": "198.51.0.5"}
DAYS = {"startdate": "2020-01-01", "enddate": "2099-01-01"}


def throttled(world, most=25, seconds=1):
    """Switch the rate limit on, which takes a restart."""
    for name, value in (("enabled", "true"), ("max", most), ("interval", seconds)):
        root_of(world)("updateConfiguration", name=f"api.throttling.{name}", value=value)
    world.cloudstack.restart()


class Things:
    """The caller's things in a world that is new: each is made when it is first asked for."""

    def __init__(self, world, who="root"):
        self.world = world
        self.admin = root_of(world)
        self.caller = self.admin if who == "root" else self.acme

    def _first(self, command, **parameters):
        return self.caller.list(command, **parameters)[0]

    zone = cached_property(lambda self: self._first("listZones"))
    physical = cached_property(lambda self: self._first("listPhysicalNetworks"))
    pool = cached_property(lambda self: self._first("listVlanIpRanges", vlan="vlan://untagged"))
    provider = cached_property(lambda self: self._first("listNetrisProviders"))
    nat_offering = cached_property(lambda self: self._first("listVPCOfferings", name="NAT"))
    tier_offering = cached_property(
        lambda self: self._first("listNetworkOfferings", name="DefaultNATNetrisNetworkOfferingForVpc")
    )
    size = cached_property(lambda self: self._first("listServiceOfferings"))
    template = cached_property(lambda self: self._first("listTemplates", templatefilter="executable"))
    default_deny = cached_property(lambda self: self._first("listNetworkACLLists", name="default_deny"))

    domain = cached_property(lambda self: self.admin.domain("acme"))
    acme = cached_property(lambda self: self.admin.account("acme", self.domain))
    account = cached_property(lambda self: self.acme.account_view)
    user = cached_property(lambda self: self.account["user"][0])
    owner = cached_property(lambda self: {"account": self.account["name"], "domainid": self.domain})
    project = cached_property(lambda self: self.caller.done("createProject", name="shop")["project"])

    vpc = cached_property(lambda self: self.caller.vpc())
    acl = cached_property(
        lambda self: self.caller.done("createNetworkACLList", name="acl", vpcid=self.vpc["id"])["networkacllist"]
    )
    tier = cached_property(lambda self: self.caller.tier(self.vpc, aclid=self.acl["id"]))
    vm = cached_property(lambda self: self.caller.machine(self.tier))
    forward = cached_property(lambda self: self._made("createPortForwardingRule", "portforwardingrule"))
    balancer = cached_property(lambda self: self._made("createLoadBalancerRule", "loadbalancer"))
    sticky = cached_property(lambda self: self._made("createLBStickinessPolicy", "stickinesspolicies"))
    gate = cached_property(lambda self: self._made("createPrivateGateway", "privategateway"))
    route = cached_property(lambda self: self._made("createStaticRoute", "staticroute"))
    item = cached_property(lambda self: self._made("createNetworkACL", "networkacl"))
    address = cached_property(lambda self: self._made("associateIpAddress", "ipaddress"))
    vpn = cached_property(lambda self: self._made("createVpnGateway", "vpngateway"))
    far_end = cached_property(lambda self: self._made("createVpnCustomerGateway", "vpncustomergateway"))
    tunnel = cached_property(lambda self: self._made("createVpnConnection", "vpnconnection"))
    secondary = cached_property(lambda self: self._made("addIpToNic", "nicsecondaryip"))
    second_tier = cached_property(lambda self: self.caller.tier(self.vpc, "db", gateway="10.10.2.1"))
    second_nic = cached_property(lambda self: self._made("addNicToVirtualMachine", "virtualmachine")["nic"][1])
    inner_tier = cached_property(lambda self: internal_tier(self.world, self.caller))
    inner = cached_property(lambda self: self._made("createLoadBalancer", "loadbalancer"))
    vnis = cached_property(lambda self: self._made("dedicateGuestVlanRange", "dedicatedguestvlanrange"))
    role = cached_property(lambda self: self._made("createRole", "role"))
    peer = cached_property(lambda self: self._made("createBgpPeer", "bgppeer"))
    second_network = cached_property(lambda self: self._made("createPhysicalNetwork", "physicalnetwork"))
    dynamic_vpc = cached_property(lambda self: self._make_dynamic_vpc())

    def _made(self, command, key):
        sent = plain(SCENARIOS[command](self))
        call = self.caller.done if CATALOGUE[command].is_async else self.caller
        body = call(command, **sent)
        return body[key]

    def _make_dynamic_vpc(self):
        """A VPC with an AS number, its range carved from the zone's subnet."""
        for command in ("createASNRange", "createIpv4SubnetForZone"):
            self.caller(command, **plain(SCENARIOS[command](self)))
        given = {"networkmode": "ROUTED", "routingmode": "Dynamic", "provider": "Netris", "enable": "true"}
        offering = self.caller.done("createVPCOffering", name="dynamic", **given)["vpcoffering"]["id"]
        given = {"name": "dynamic", "zoneid": self.zone["id"], "vpcofferingid": offering}
        return self.caller.done("createVPC", cidr="172.20.0.0/24", **given)["vpc"]

    @cached_property
    def free(self):
        return self._first("listPublicIpAddresses", state="Free", forprovider="true")

    @cached_property
    def static(self):
        """The address, with static NAT."""
        self.caller("enableStaticNat", **plain(SCENARIOS["enableStaticNat"](self)))
        return self.address

    @cached_property
    def another_item(self):
        given = {"aclid": self.acl["id"], "protocol": "all", "cidrlist": "0.0.0.0/0"}
        return self.item and self.caller.done("createNetworkACL", **given)["networkacl"]

    @cached_property
    def colleague(self):
        given = {**PERSON, "accounttype": 0, "domainid": self.project["domainid"]}
        return self.admin("createAccount", **given)["account"]

    def at_work(self):
        """Two jobs that go on for an hour."""
        vpcs = [self.vpc, self.caller.vpc("busy")]
        self.world.cloudstack.jobs.seconds = 2 * 3600
        return [self.caller("updateVPC", id=vpc["id"], name=vpc["name"])["jobid"] for vpc in vpcs]

    def stopped(self):
        self.caller.done("stopVirtualMachine", id=self.vm["id"])
        return self.vm

    def destroyed(self):
        self.caller.done("destroyVirtualMachine", id=self.vm["id"])
        return self.vm

    def reserved(self):
        return self.caller("reserveIpAddress", id=self.free["id"])["ipaddress"]

    def tagged(self):
        self.caller.done("createTags", **plain(SCENARIOS["createTags"](self)))
        return self.vpc

    def balanced(self):
        self.caller.done("assignToLoadBalancerRule", **plain(SCENARIOS["assignToLoadBalancerRule"](self)))
        return self.balancer

    def dedicated(self):
        self.caller("dedicatePublicIpRange", **plain(SCENARIOS["dedicatePublicIpRange"](self)))
        return self.pool

    def given_up_provider(self):
        """What the zone's provider was, now that it has none."""
        names = ("zoneid", "name", "netrisurl", "sitename", "tenantname", "netristag")
        self.caller("deleteNetrisProvider", id=self.provider["uuid"])
        return {name: self.provider[name] for name in names}

    def lose_a_host(self):
        """It is missed when it has not pinged for long enough."""
        name = self.admin.list("listHosts", type="Routing")[0]["name"]
        self.admin.http.post(f"/_sandbox/devices/{name}/kill").raise_for_status()
        self.world.clock.advance(300)
        self.caller("listZones")

    def grow_old(self):
        """Two days with a machine that forwards a port."""
        assert self.forward
        self.world.clock.advance(86400 * 2)


def internal_tier(world, caller):
    """A tier whose load balancers are internal ones, in a VPC of its own. No stock offering has them (5.2)."""
    root = root_of(world)
    provider = root.list("listNetworkServiceProviders", name="InternalLbVm")[0]["id"]
    root.done("updateNetworkServiceProvider", id=provider, state="Enabled")
    inside = {"serviceproviderlist[0].service": "Lb", "serviceproviderlist[0].provider": "InternalLbVm"}
    services = {"supportedservices": "Dhcp,Dns,UserData,SourceNat,NetworkACL,Lb", **inside}
    of_vpc = root.done("createVPCOffering", name="inner", provider="Netris", enable="true", **services)["vpcoffering"]
    shape = {"traffictype": "Guest", "guestiptype": "Isolated", "forvpc": "true", "enable": "true"}
    of_tier = root("createNetworkOffering", name="inner", provider="Netris", **shape, **services)["networkoffering"]
    where = {"name": "inner", "zoneid": caller.zone}
    vpc = caller.done("createVPC", cidr="10.10.0.0/16", vpcofferingid=of_vpc["id"], **where)["vpc"]
    place = {"gateway": "10.10.1.1", "netmask": "255.255.255.0", "vpcid": vpc["id"]}
    return caller("createNetwork", networkofferingid=of_tier["id"], **place, **where)["network"]


def plain(parameters):
    """Objects become their ids."""
    return {name: value["id"] if isinstance(value, dict) else value for name, value in parameters.items()}


SCENARIOS: dict[str, Callable[[Any], dict[str, Any]]] = {
    # 3.1
    "listCapabilities": lambda at: {},
    "listApis": lambda at: {},
    "listZones": lambda at: {"showcapacities": "true"},
    "queryAsyncJobResult": lambda at: {"jobid": at.caller("updateVPC", id=at.vpc["id"], name="x")["jobid"]},
    "listAsyncJobs": lambda at: at.at_work() and {},
    "listHypervisors": lambda at: {},
    "listDomains": lambda at: {"id": at.domain},
    "createDomain": lambda at: {"name": "new"},
    "updateDomain": lambda at: {"id": at.domain, "networkdomain": "acme.example"},
    "deleteDomain": lambda at: {"id": at.domain},
    "listAccounts": lambda at: {"id": at.account},
    "createAccount": lambda at: {**PERSON, "accounttype": 0, "domainid": at.domain},
    "updateAccount": lambda at: {"id": at.account, "newname": "acme-2"},
    "disableAccount": lambda at: {"id": at.account, "lock": "false"},
    "enableAccount": lambda at: {"id": at.account},
    "deleteAccount": lambda at: {"id": at.account},
    "listUsers": lambda at: {"id": at.user},
    "createUser": lambda at: {**PERSON, **at.owner},
    "updateUser": lambda at: {"id": at.user, "firstname": "Ann"},
    "deleteUser": lambda at: {"id": at.user},
    "registerUserKeys": lambda at: {"id": at.user},
    "getUserKeys": lambda at: {"id": at.user},
    "getApiLimit": lambda at: throttled(at.world) or {},
    "resetApiLimit": lambda at: {"account": at.account},
    "getUser": lambda at: {"userapikey": at.acme.key},
    "listRoles": lambda at: {},
    "listRolePermissions": lambda at: {},
    "createRole": lambda at: {"name": "auditor", "type": "User", "description": "looks, and touches nothing"},
    "createRolePermission": lambda at: {"roleid": at.role, "rule": "list*", "permission": "allow"},
    "listProjects": lambda at: {"id": at.project},
    "createProject": lambda at: {"name": "shop"},
    "updateProject": lambda at: {"id": at.project, "displaytext": "later"},
    "deleteProject": lambda at: {"id": at.project},
    "addAccountToProject": lambda at: {"projectid": at.project, "account": at.colleague["name"]},
    "listResourceLimits": lambda at: {},
    "updateResourceLimit": lambda at: {**at.owner, "resourcetype": 7, "max": 5},
    "updateResourceCount": lambda at: at.owner,
    "listConfigurations": lambda at: {},
    "updateConfiguration": lambda at: {"name": "vpc.max.networks", "value": 4},
    # 3.2
    "listVPCOfferings": lambda at: {},
    "listNetworkOfferings": lambda at: {},
    "listServiceOfferings": lambda at: {},
    "listDiskOfferings": lambda at: {},
    "listTemplates": lambda at: {"templatefilter": "executable"},
    "listOsTypes": lambda at: {},
    "listSupportedNetworkServices": lambda at: {},
    "createVPCOffering": lambda at: {
        **{"name": "own", "provider": "Netris", "networkmode": "NATTED", "enable": "true"},
        **{"zoneid": at.zone, "domainid": at.domain},
    },
    "createNetworkOffering": lambda at: {
        **{"name": "own", "provider": "Netris", "networkmode": "NATTED", "enable": "true", "forvpc": "true"},
        **{"traffictype": "Guest", "guestiptype": "Isolated", "zoneid": at.zone, "domainid": at.domain, "tags": "fast"},
        **{"details[0].note": "for shops"},
    },
    # 3.3
    "createVPC": lambda at: {
        "name": "new",
        "cidr": "10.20.0.0/16",
        "zoneid": at.zone,
        "vpcofferingid": at.nat_offering,
    },
    "listVPCs": lambda at: {"id": at.tier and at.vpc},
    "updateVPC": lambda at: {"id": at.vpc, "name": "later"},
    "restartVPC": lambda at: {"id": at.vpc, "cleanup": "true"},
    "deleteVPC": lambda at: {"id": at.vpc},
    # 3.4
    "createNetwork": lambda at: {
        **{"name": "db", "zoneid": at.zone, "networkofferingid": at.tier_offering, "vpcid": at.vpc, "aclid": at.acl},
        **{"gateway": "10.10.2.1", "netmask": "255.255.255.0"},
    },
    "listNetworks": lambda at: {"id": at.tier},
    "updateNetwork": lambda at: {"id": at.tier, "name": "later"},
    "restartNetwork": lambda at: {"id": at.vm["nic"][0]["networkid"]},
    "deleteNetwork": lambda at: {"id": at.tier},
    # 3.5
    "createNetworkACLList": lambda at: {"name": "new", "vpcid": at.vpc},
    "updateNetworkACLList": lambda at: {"id": at.acl, "description": "later"},
    "listNetworkACLLists": lambda at: {"id": at.acl},
    "deleteNetworkACLList": lambda at: {"id": at.acl},
    "replaceNetworkACLList": lambda at: {"aclid": at.default_deny, "networkid": at.tier},
    "createNetworkACL": lambda at: {
        "aclid": at.acl,
        "protocol": "icmp",
        "icmptype": 8,
        "icmpcode": 0,
        "cidrlist": "0.0.0.0/0",
        "reason": "ping",
    },
    "updateNetworkACLItem": lambda at: {"id": at.item, "action": "deny"},
    "moveNetworkAclItem": lambda at: {"nextaclruleid": at.item, "id": at.another_item},
    "listNetworkACLs": lambda at: {"id": at.item},
    "deleteNetworkACL": lambda at: {"id": at.item},
    # 3.6
    "associateIpAddress": lambda at: {"vpcid": at.vpc, "ipaddress": at.free["ipaddress"]},
    "listPublicIpAddresses": lambda at: {"id": at.static},
    "updateIpAddress": lambda at: {"id": at.address, "fordisplay": "false"},
    "disassociateIpAddress": lambda at: {"id": at.address},
    "reserveIpAddress": lambda at: {"id": at.free},
    "releaseIpAddress": lambda at: {"id": at.reserved()},
    "enableStaticNat": lambda at: {"ipaddressid": at.address, "virtualmachineid": at.vm, "networkid": at.tier},
    "disableStaticNat": lambda at: {"ipaddressid": at.static},
    "createPortForwardingRule": lambda at: {
        **{"ipaddressid": at.address, "virtualmachineid": at.vm, "networkid": at.tier, "protocol": "tcp"},
        **PORTS,
    },
    "updatePortForwardingRule": lambda at: {"id": at.forward, "privateport": 81},
    "listPortForwardingRules": lambda at: {"id": at.forward},
    "deletePortForwardingRule": lambda at: {"id": at.forward},
    # 3.7
    "createLoadBalancerRule": lambda at: {
        **{"publicipid": at.address, "networkid": at.tier, "name": "lb", "algorithm": "roundrobin"},
        **{"cidrlist": "10.0.0.0/8", "description": "shop"},
        **PORTS,
    },
    "updateLoadBalancerRule": lambda at: {"id": at.balancer, "name": "later"},
    "listLoadBalancerRules": lambda at: {"id": at.balancer},
    "deleteLoadBalancerRule": lambda at: {"id": at.balancer},
    "assignToLoadBalancerRule": lambda at: {"id": at.balancer, "virtualmachineids": at.vm},
    "removeFromLoadBalancerRule": lambda at: {"id": at.balanced(), "virtualmachineids": at.vm},
    "listLoadBalancerRuleInstances": lambda at: {"id": at.balanced()},
    "createLBStickinessPolicy": lambda at: {
        **{"lbruleid": at.balancer, "name": "sticky", "methodname": "LbCookie", "description": "by cookie"},
        **{"param[0].name": "holdtime", "param[0].value": 20},
    },
    "listLBStickinessPolicies": lambda at: at.sticky and {"lbruleid": at.balancer},
    "deleteLBStickinessPolicy": lambda at: {"id": at.sticky["stickinesspolicy"][0]},
    "listLBHealthCheckPolicies": lambda at: {"lbruleid": at.balancer},
    "createLoadBalancer": lambda at: {
        **{"name": "inner", "scheme": "Internal", "algorithm": "source", "sourceport": 80, "instanceport": 8080},
        **{"networkid": at.inner_tier, "sourceipaddressnetworkid": at.inner_tier, "description": "inside"},
    },
    "listLoadBalancers": lambda at: {"id": at.inner},
    "deleteLoadBalancer": lambda at: {"id": at.inner},
    # 3.8
    "createStaticRoute": lambda at: {"cidr": "172.16.0.0/16", "gatewayid": at.gate},
    "listStaticRoutes": lambda at: {"id": at.route},
    "deleteStaticRoute": lambda at: {"id": at.route},
    "createPrivateGateway": lambda at: {**GATE, "vpcid": at.vpc},
    "listPrivateGateways": lambda at: {"id": at.gate},
    "deletePrivateGateway": lambda at: {"id": at.gate},
    "createVpnGateway": lambda at: {"vpcid": at.vpc},
    "listVpnGateways": lambda at: {"id": at.vpn},
    "createVpnCustomerGateway": lambda at: {**FAR_END},
    "listVpnCustomerGateways": lambda at: {"id": at.far_end},
    "createVpnConnection": lambda at: {"s2svpngatewayid": at.vpn, "s2scustomergatewayid": at.far_end},
    "listVpnConnections": lambda at: {"id": at.tunnel},
    "listASNumbers": lambda at: {"vpcid": at.dynamic_vpc},
    "createASNRange": lambda at: {"zoneid": at.zone, "startasn": 4200000000, "endasn": 4200000009},
    "createBgpPeer": lambda at: {
        **{"zoneid": at.zone, "asnumber": 65001, "ipaddress": "192.0.2.1", "ip6address": "2001:db8::1"},
        **{"password": "hush", "details[0].EBGP_MULTIHOP": "2", **at.owner},
    },
    "listBgpPeers": lambda at: {"id": at.peer},
    "changeBgpPeersForVpc": lambda at: {"vpcid": at.dynamic_vpc},
    "createIpv4SubnetForZone": lambda at: {"zoneid": at.zone, "subnet": "172.20.0.0/16"},
    # 3.9
    "deployVirtualMachine": lambda at: {
        **{"name": "web-9", "serviceofferingid": at.size, "templateid": at.template, "zoneid": at.zone},
        "networkids": at.tier,
    },
    "listVirtualMachines": lambda at: at.static and {"id": at.vm},
    "startVirtualMachine": lambda at: {"id": at.stopped()},
    "stopVirtualMachine": lambda at: {"id": at.vm},
    "rebootVirtualMachine": lambda at: {"id": at.vm},
    "destroyVirtualMachine": lambda at: {"id": at.vm},
    "expungeVirtualMachine": lambda at: {"id": at.destroyed()},
    "recoverVirtualMachine": lambda at: {"id": at.destroyed()},
    "addNicToVirtualMachine": lambda at: {"virtualmachineid": at.vm, "networkid": at.second_tier},
    "removeNicFromVirtualMachine": lambda at: {"virtualmachineid": at.vm, "nicid": at.second_nic},
    "addIpToNic": lambda at: {"nicid": at.vm["nic"][0]},
    "removeIpFromNic": lambda at: {"id": at.secondary},
    "listNics": lambda at: {"virtualmachineid": at.secondary and at.vm},
    "listVolumes": lambda at: at.vm and {},
    # 3.10
    "listPhysicalNetworks": lambda at: {},
    "updatePhysicalNetwork": lambda at: {"id": at.physical, "networkspeed": "100G", "tags": "fast"},
    "createPhysicalNetwork": lambda at: {
        **{"zoneid": at.zone, "name": "second", "vlan": "100-199", "networkspeed": "10G", "tags": "slow"},
        **{"isolationmethods": "VLAN", "domainid": at.domain},
    },
    "addNetworkServiceProvider": lambda at: {"physicalnetworkid": at.second_network, "name": "Netris"},
    "updateNetworkServiceProvider": lambda at: {
        **{"id": at._first("listNetworkServiceProviders", name="ConfigDrive"), "state": "Enabled"},
        "servicelist": "UserData",
    },
    "listTrafficTypes": lambda at: {"physicalnetworkid": at.physical},
    "listNetworkServiceProviders": lambda at: {},
    "listVlanIpRanges": lambda at: {"id": at.dedicated()},
    "createVlanIpRange": lambda at: {
        **{"zoneid": at.zone, "physicalnetworkid": at.physical, "forvirtualnetwork": "true", "vlan": "untagged"},
        **{"provider": "Netris", **POOL},
    },
    "updateVlanIpRange": lambda at: {"id": at.pool, "endip": "198.51.100.120"},
    "deleteVlanIpRange": lambda at: {"id": at.pool},
    "dedicatePublicIpRange": lambda at: {"id": at.pool, **at.owner},
    "releasePublicIpRange": lambda at: {"id": at.dedicated()},
    "dedicateGuestVlanRange": lambda at: {"vlanrange": "1000000-1000009", "physicalnetworkid": at.physical, **at.owner},
    "listDedicatedGuestVlanRanges": lambda at: {"id": at.vnis},
    "releaseDedicatedGuestVlanRange": lambda at: {"id": at.vnis},
    "listGuestVlans": lambda at: {"allocatedonly": at.tier and "true"},
    "listPods": lambda at: {},
    "listClusters": lambda at: {},
    "listHosts": lambda at: {},
    "reconnectHost": lambda at: {"id": at._first("listHosts", type="L2Networking")},
    "listRouters": lambda at: {"vpcid": at.vpc},
    "listManagementServers": lambda at: {},
    "listCapacity": lambda at: {},
    "addNetrisProvider": lambda at: {**at.given_up_provider(), "username": "sandbox", "password": "sandbox"},
    "listNetrisProviders": lambda at: {},
    "deleteNetrisProvider": lambda at: {"id": at.provider["uuid"]},
    # 3.11
    "listEvents": lambda at: at.vpc and {},
    "listEventTypes": lambda at: {},
    "listAlerts": lambda at: at.lose_a_host() or {},
    "listUsageRecords": lambda at: at.grow_old() or DAYS,
    "listUsageTypes": lambda at: {},
    "generateUsageRecords": lambda at: DAYS,
    "createTags": lambda at: {"resourcetype": "Vpc", "resourceids": at.vpc, **PAIR},
    "listTags": lambda at: {"resourceid": at.tagged()},
    "deleteTags": lambda at: {"resourcetype": "Vpc", "resourceids": at.tagged()},
}

# Lists of what this zone has none of, and a command that the Netris provider refuses in every case (3.7).
EMPTY = {
    *("listIpForwardingRules", "listFirewallRules", "listEgressFirewallRules", "listSecurityGroups", "listSnapshots"),
    *("listAffinityGroups", "listSSHKeyPairs", "listInstanceGroups", "listIsos", "listSystemVms"),
}
REFUSED = {"createLBHealthCheckPolicy", "deleteLBHealthCheckPolicy"}
