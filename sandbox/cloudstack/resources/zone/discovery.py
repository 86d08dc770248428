"""What a client asks first: versions, commands, zones (cloudstack-api.md 3.1)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol import fields, wire
from sandbox.cloudstack.protocol.catalogue import Command, Parameter
from sandbox.cloudstack.resources.zone import as_numbers, capacity, configuration
from sandbox.cloudstack.state.cloud import view
from sandbox.kit.store import Row

EXTENSIONS = "/usr/share/cloudstack-management/extensions"
_TYPES = {"str": "string", "int": "integer", "bool": "boolean", "uuids": "list"}


@handles("listCapabilities")
def list_capabilities(call: Call) -> Row:
    throttle = call.cloud.throttle
    limits = {"apilimitinterval": throttle.seconds, "apilimitmax": throttle.most} if throttle.is_on else {}
    return {
        "capability": {
            "securitygroupsenabled": False,
            "dynamicrolesenabled": True,
            "cloudstackversion": wire.VERSION,
            "userpublictemplateenabled": True,
            "supportELB": "false",
            "projectinviterequired": False,
            "allowusercreateprojects": True,
            "customdiskofferingminsize": 1,
            "customdiskofferingmaxsize": 1024,
            "regionsecondaryenabled": False,
            "kvmsnapshotenabled": False,
            "allowuserviewdestroyedvm": False,
            "allowuserexpungerecovervm": False,
            "allowuserexpungerecovervolume": False,
            "allowuserviewalldomainaccounts": False,
            "allowuserforcestopvm": True,
            "kubernetesserviceenabled": False,
            "kubernetesclusterexperimentalfeaturesenabled": False,
            "customhypervisordisplayname": "Custom",
            "defaultuipagesize": 20,
            "instancesstatsretentiontime": 720,
            "instancesstatsuseronly": False,
            "instancesdisksstatsretentionenabled": False,
            "instancesdisksstatsretentiontime": 720,
            "sharedfsvmmincpucount": 2,
            "sharedfsvmminramsize": 1024,
            "instanceleaseenabled": False,
            "dynamicscalingenabled": True,
            "additionalconfigenabled": False,
            **({"extensionspath": EXTENSIONS} if call.caller.is_root else {}),
            **limits,
        }
    }


@handles("listApis")
def list_apis(call: Call) -> Row:
    """The caller's commands, each with its parameters and the fields of what it answers."""
    commands = [each for each in call.caller.commands() if call.get("name", each.name).lower() == each.name.lower()]
    rows = [_api(command, is_root=call.caller.is_root) for command in commands]
    return {"count": len(rows), "api": rows} if rows else {}


def _api(command: Command, *, is_root: bool) -> Row:
    parameters = [each for each in command.parameters.values() if is_root or not each.is_for_root]
    return {
        "name": command.name,
        "description": command.words,
        "isasync": command.is_async,
        "related": "",
        "params": [_parameter(each) for each in parameters],
        "response": fields.describe(command, is_root=is_root),
    }


def _parameter(parameter: Parameter) -> Row:
    return {
        "name": parameter.name,
        "description": parameter.name,
        "type": _TYPES.get(parameter.type, parameter.type),
        "length": parameter.max_length,
        "required": parameter.is_required,
        "related": "",
    }


@handles("listZones")
def list_zones(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table("zone"), "id", "name", "networktype")
    if (ids := call.get("ids")) is not None:
        wanted = {row["id"] for row in ids}
        rows = [row for row in rows if row["id"] in wanted]
    if call.get("available") is False and not call.caller.is_admin:
        used = {vm["zoneid"] for vm in call.cloud.table("vm").by("accountid", call.caller.account["id"])}
        rows = [row for row in rows if row["id"] in used]
    return call.page(call.searched(rows, "name"), lambda row: zone_view(call, row))


GUEST_CIDR = "10.1.1.0/24"  # the wizard's, for networks outside of VPCs


def zone_view(call: Call, row: Row) -> Row:
    shown = {
        **view(row, "id", "name", "networktype", "type", "allocationstate", "provider"),
        "securitygroupsenabled": False,
        "localstorageenabled": False,
        "dhcpprovider": "VirtualRouter",
        "zonetoken": "7b0a1a0c-zone",
        "tags": [],
        "isnsxenabled": False,
        "ismultiarch": False,
        "asnrange": as_numbers.shown_ranges(call.cloud, row),
        "routedmodeenabled": configuration.is_on_in(call.cloud, "routed.network.vpc.enabled", row),
        "allowuserspecifyvrmtu": False,
        "routerprivateinterfacemaxmtu": 1500,
        "routerpublicinterfacemaxmtu": 1500,
        "gputotal": 0,
        "gpuused": 0,
        "hasannotations": False,
    }
    if not call.caller.is_root:
        return shown
    if call.get("showcapacities"):
        shown["capacity"] = capacity.seen(call.cloud)
    return {**shown, **view(row, "dns1", "dns2", "internaldns1"), "guestcidraddress": GUEST_CIDR}


@handles("listHypervisors")
def list_hypervisors(call: Call) -> Row:
    return {"count": 1, "hypervisor": [{"name": "KVM"}]}
