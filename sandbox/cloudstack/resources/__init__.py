"""What the commands do, one module per resource. `load` checks that none of the table is left without a function."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from sandbox.cloudstack.call import CREATORS, HANDLERS
from sandbox.cloudstack.catalogue import CATALOGUE

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
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    made = {command.name for command in CATALOGUE.values() if command.kind == "async-create"}
    gaps = (CATALOGUE.keys() - HANDLERS.keys()) | (made ^ CREATORS.keys()) | (made ^ KINDS_MADE.keys())
    if gaps:
        raise LookupError(f"commands without a function: {sorted(gaps)}")
