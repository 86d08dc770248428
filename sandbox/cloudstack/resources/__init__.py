"""What the commands do, one module per resource. `load` checks that none of the table is left without a function."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

from sandbox.cloudstack.calls.call import CREATORS, HANDLERS
from sandbox.cloudstack.protocol.catalogue import CATALOGUE

KINDS_MADE = {
    "createVPC": "vpc",
    "createVPCOffering": "vpcoffering",
    "createPhysicalNetwork": "physicalnetwork",
    "addNetworkServiceProvider": "networkserviceprovider",
    "associateIpAddress": "publicip",
    "deployVirtualMachine": "vm",
    "createNetworkACLList": "networkacllist",
    "createNetworkACL": "networkacl",
    "createPortForwardingRule": "portforwardingrule",
    "createLoadBalancerRule": "loadbalancer",
    "createLBStickinessPolicy": "stickinesspolicy",
    "createLBHealthCheckPolicy": "healthcheckpolicy",
    "createStaticRoute": "staticroute",
    "createPrivateGateway": "privategateway",
    "createProject": "project",
    "createLoadBalancer": "loadbalancer",
    "addIpToNic": "nicsecondaryip",
    "createVpnGateway": "vpngateway",
    "createVpnCustomerGateway": "vpncustomergateway",
    "createVpnConnection": "vpnconnection",
}


def load() -> None:
    for module in walk_packages(__path__, f"{__name__}."):
        import_module(module.name)
    made = {command.name for command in CATALOGUE.values() if command.kind == "async-create"}
    gaps = (CATALOGUE.keys() - HANDLERS.keys()) | (made ^ CREATORS.keys()) | (made ^ KINDS_MADE.keys())
    if gaps:
        raise LookupError(f"commands without a function: {sorted(gaps)}")
