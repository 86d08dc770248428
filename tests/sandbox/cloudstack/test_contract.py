"""The table of commands against the tables of the fact sheet: cloudstack-api.md 1.1 (envelopes) and 3.1 to 3.11.

What `commands.txt` says of a command must be what the sheet says. Where it says less, the parameters that are left out
are named here; they are read by nobody, as parameters that are misspelt are (1.4).
"""

import re
from pathlib import Path

import pytest

from sandbox.cloudstack.protocol import fields
from sandbox.cloudstack.protocol.catalogue import CATALOGUE
from tests.sandbox.cloudstack.sheet import COMMANDS, SHEET, fields_file

_ROW = re.compile(r"\| `(\w+)` \| (list|sync|async|async-create) \| (\w+) \| ([^|]+) \| ([^|]+) \|")
_PARAMETER = re.compile(r"`(\w+)`(!?) (\w+)(?:\((\w+)\))?((?: \([^)]*\))?)")
_GROUPS = {
    "PAGE": {"keyword", "page", "pagesize"},
    "SCOPE": {"account", "domainid", "isrecursive", "listall"},
    "SCOPE+P": {"account", "domainid", "isrecursive", "listall", "projectid"},
    "OWNER": {"account", "domainid"},
    "OWNER+P": {"account", "domainid", "projectid"},
}
_TYPES = {"int": "int", "long": "long", "bool": "bool", "date": "date", "map": "map", "uuid": "uuid", "str": "str"}

# Answers that are no list of objects, or lists that the sheet's table names in words.
_KEYS = {"listLoadBalancerRuleInstances", "queryAsyncJobResult"}

# Clients ask for these; the sheet has no row for them.
_BEYOND_THE_SHEET = {
    "getApiLimit",  # in 2.3, as is the next
    "resetApiLimit",
    "listIpForwardingRules",
    "listFirewallRules",
    "listEgressFirewallRules",
    "listSecurityGroups",
    "listAffinityGroups",
    "listSSHKeyPairs",
    "listSnapshots",
    "listInstanceGroups",
    "listIsos",
    "listOsTypes",
    "listDiskOfferings",
    "listVpnCustomerGateways",
}

# Parameters that the sheet gives in a sentence below its table.
_IN_WORDS = {"createPrivateGateway": {"vlan", "physicalnetworkid", "bypassvlanoverlapcheck"}}

# What a machine, a disk or a boot menu needs and a network portal does not: disks, passwords, key pairs, groups, user
# data, IPv6 and leases are not emulated, and the emulator puts machines where it likes.
_UNREAD = {
    "deployVirtualMachine": {
        *("password", "diskofferingid", "size", "rootdisksize", "datadisksdetails", "group", "userdataid"),
        *("userdatadetails", "keypair", "keypairs", "ip6address", "affinitygroupids", "affinitygroupnames"),
        *("deploymentplanner", "dhcpoptionsnetworklist", "datadiskofferinglist", "overridediskofferingid"),
        *("leaseduration", "leaseexpiryaction", "podid", "clusterid"),
    },
    "listVirtualMachines": {"userdata"},
}


def _rows():
    return {match[1]: match.groups() for match in _ROW.finditer(SHEET[: SHEET.index("## 4. State machines")])}


ROWS = _rows()


def parameters_of(text):
    """Names with (required, type, for root alone) as the sheet spells them."""
    named, groups, is_for_root = {}, set(), False
    for part in text.split(";"):
        if "root only:" in part:
            is_for_root = True
        for name, required, type_, inner, rest in _PARAMETER.findall(part):
            kind = "uuids" if (type_, inner) == ("list", "uuid") else type_
            named[name] = (bool(required), kind, is_for_root or "root" in rest)
        for word in re.findall(r"(?<![`\w])(PAGE|SCOPE\+P|SCOPE|OWNER\+P|OWNER)(?![\w`])", part):
            groups |= _GROUPS[word]
    return named, groups


def test_the_sheet_is_read_whole_and_known_whole_3():
    assert len(ROWS) == len(re.findall(r"^\| `\w+` \| (?:list|sync|async)", COMMANDS, re.M))
    assert not ROWS.keys() - CATALOGUE.keys()


@pytest.mark.parametrize("name", sorted(CATALOGUE.keys() - _BEYOND_THE_SHEET))
def test_kind_roles_and_result_are_the_sheets_3(name):
    _, kind, roles, key, _ = ROWS[name]
    command = CATALOGUE[name]

    assert command.kind == kind
    assert command.roles == frozenset("" if roles == "root" else roles)
    if name not in _KEYS:
        assert command.key == key.split()[0].strip("`")


@pytest.mark.parametrize("name", sorted(CATALOGUE.keys() - _BEYOND_THE_SHEET))
def test_parameters_are_the_sheets_1_4_3(name):
    named, groups = parameters_of(ROWS[name][4])
    ours = CATALOGUE[name].parameters

    missing = (named.keys() | groups) - ours.keys() - _UNREAD.get(name, set())
    assert not missing
    invented = ours.keys() - named.keys() - groups - {"customid"} - _IN_WORDS.get(name, set())
    assert not invented
    for each, (is_required, type_, is_for_root) in named.items():
        if each in ours:
            assert (each, ours[each].is_required, ours[each].type) == (each, is_required, _TYPES.get(type_, type_))
            assert (each, ours[each].is_for_root) == (each, is_for_root)


def test_odd_envelopes_are_the_sheets_1_1():
    table = SHEET[SHEET.index("**Envelope exceptions**") : SHEET.index("Therefore a client should take")]
    odd = {name: key for name, key in re.findall(r"\| (\w+) \| `(\w+)`", table) if name in CATALOGUE}

    assert len(odd) > 3
    for name, command in CATALOGUE.items():
        assert command.envelope == odd.get(name, f"{name.lower()}response")


def test_what_is_beyond_the_sheet_is_said_so():
    assert CATALOGUE.keys() >= _BEYOND_THE_SHEET
    assert not _BEYOND_THE_SHEET & ROWS.keys()


def test_the_fields_of_objects_are_the_sheets_3():
    """`python -m tests.sandbox.cloudstack_sheet` writes the file anew."""
    assert Path(fields.__file__).with_name("fields.txt").read_text() == fields_file()
    assert {field.object for each in fields.OBJECTS.values() for field in each} - {""} <= fields.OBJECTS.keys()


def test_list_apis_describes_answers_as_deep_as_they_are_3_1(root, acme):
    apis = {each["name"]: each for each in root.list("listApis")}
    (vpc,) = [each for each in apis["listVPCs"]["response"] if each["name"] == "network"]
    (service,) = [each for each in vpc["response"] if each["name"] == "service"]

    assert (vpc["type"], vpc["description"]) == ("list", "network")
    assert {each["name"] for each in service["response"]} == {"name", "provider", "capability"}
    assert {each["name"]: each["type"] for each in apis["deleteVPC"]["response"]} == {
        **{"success": "boolean", "displaytext": "string", "jobid": "string", "jobstatus": "integer"},
    }
    internal, public = (
        {each["name"] for each in apis[name]["response"]} for name in ("createLoadBalancer", "createLoadBalancerRule")
    )
    assert ("sourceipaddress" in internal, "publicip" in internal) == (True, False)
    assert ("sourceipaddress" in public, "publicip" in public) == (False, True)
    assert apis["listSnapshots"]["response"] == []

    mine = {each["name"]: {field["name"] for field in each["response"]} for each in acme.list("listApis")}
    assert {"instancename", "hostid"}.isdisjoint(mine["listVirtualMachines"])
    assert {"instancename", "hostid"} < {each["name"] for each in apis["listVirtualMachines"]["response"]}


def test_what_list_apis_describes_is_what_is_answered_3_1(root):
    vpc = root.vpc()
    root.tier(vpc)
    (api,) = root.list("listApis", name="listVPCs")
    (row,) = root.list("listVPCs")

    def strangers(row, described):
        named = {each["name"]: each for each in described}
        return set(row) - named.keys() | {
            stranger
            for name, value in row.items()
            if isinstance(value, list) and "response" in named.get(name, {})
            for each in value
            for stranger in strangers(each, named[name]["response"])
        }

    assert strangers(row, api["response"]) == {"hasannotations"}
