"""Settings that a portal asks about or that this emulator obeys (cloudstack-api.md 3.1)."""

from __future__ import annotations

from typing import NamedTuple

from sandbox.cloudstack.calls.call import Call, handles
from sandbox.cloudstack.protocol.errors import InvalidValue, PermissionDenied
from sandbox.cloudstack.state.cloud import Cloud
from sandbox.kit.store import Row


class Setting(NamedTuple):
    name: str
    default: str
    category: str = "Advanced"
    scope: str = "Global"
    type: str = "Number"
    is_dynamic: bool = True


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("vpc.max.networks", "3", "Network", "Account"),
        Setting("network.guest.cidr.limit", "22", "Network"),
        Setting("network.gc.interval", "600", is_dynamic=False),
        Setting("network.gc.wait", "600", is_dynamic=False),
        Setting("expunge.delay", "86400"),
        Setting("expunge.interval", "86400", is_dynamic=False),
        Setting("capacity.check.period", "300000", is_dynamic=False),
        Setting("default.page.size", "500", is_dynamic=False),
        Setting("job.expire.minutes", "1440"),
        Setting("job.cancel.threshold.minutes", "60"),
        Setting("max.account.vpcs", "20", "Account Defaults"),
        Setting("max.account.networks", "20", "Account Defaults"),
        Setting("max.account.public.ips", "20", "Account Defaults"),
        Setting("max.account.user.vms", "20", "Account Defaults"),
        Setting("allow.user.create.projects", "true", type="Boolean"),
        Setting("allow.user.view.destroyed.vm", "false", scope="Account", type="Boolean"),
        Setting("allow.user.expunge.recover.vm", "false", scope="Account", type="Boolean"),
        Setting("api.throttling.enabled", "false", type="Boolean", is_dynamic=False),
        Setting("api.throttling.interval", "1", is_dynamic=False),
        Setting("api.throttling.max", "25", is_dynamic=False),
        Setting("enforce.post.requests.and.timestamps", "false", type="Boolean"),
        Setting("guest.domain.suffix", "cloud.internal", scope="Zone", type="String"),
        Setting("netris.plugin.enable", "true", type="Boolean", is_dynamic=False),
        Setting("routed.network.vpc.enabled", "true", "Network", "Zone", "Boolean"),
        Setting("routed.ipv4.vpc.min.cidr.size", "22", "Network", "Account"),
        Setting("routed.ipv4.vpc.max.cidr.size", "28", "Network", "Account"),
        Setting("public.ip.address.quarantine.duration", "0", scope="Domain"),
        Setting("usage.stats.job.aggregation.range", "1440", "Usage", is_dynamic=False),
        Setting("vpc.tier.name.prepend", "false", type="Boolean"),
    )
}
_OWNED = ("Account", "Domain")
_UNDESCRIBED = {"expunge.delay", "expunge.interval"}  # the second: unverified
_TARGETS = {"zoneid": "Zone", "clusterid": "Cluster", "accountid": "Account", "domainid": "Domain"}


def value(cloud: Cloud, name: str, account: Row | None = None) -> str:
    """A setting as it holds for an account: its own value, else that of its domain, else everybody's."""
    table = cloud.table("configuration")
    keys = [f"{name}@{account['id']}", f"{name}@{account['domainid']}"] if account else []
    found = (table.get(key) for key in [*keys, name])
    return next((str(row["value"]) for row in found if row is not None), SETTINGS[name].default)


def number(cloud: Cloud, name: str, account: Row | None = None) -> int:
    return int(value(cloud, name, account))


def is_on_in(cloud: Cloud, name: str, zone: Row) -> bool:
    """A switch of a zone: its own value, else everybody's."""
    row = cloud.table("configuration").get(f"{name}@{zone['id']}")
    return (str(row["value"]) if row else value(cloud, name)) == "true"


def _target(call: Call) -> tuple[str, str]:
    """The scope that the arguments name, and whose."""
    given = [name for name in _TARGETS if name in call]
    if len(given) > 1:
        raise InvalidValue("cannot handle multiple IDs, provide only one ID corresponding to the scope")
    if not given:
        return "Global", ""
    row = call[given[0]]
    kind = given[0].removesuffix("id")
    if kind in ("account", "domain"):
        call.caller.check(call.cloud, kind, row)
    return _TARGETS[given[0]], str(row["id"])


def _is_visible(call: Call, setting: Setting, scope: str) -> bool:
    if scope != "Global" and setting.scope != scope and not (scope == "Domain" and setting.scope == "Account"):
        return False
    return call.caller.is_root or setting.scope in _OWNED


@handles("listConfigurations")
def list_configurations(call: Call) -> Row:
    scope, owner = _target(call)
    found = [setting for setting in SETTINGS.values() if _is_visible(call, setting, scope)]
    rows: list[Row] = [
        {"setting": setting.name, "name": setting.name, "category": setting.category} for setting in found
    ]
    rows = sorted(call.searched(call.narrowed(rows, "name", "category"), "name"), key=lambda row: str(row["name"]))
    return call.page(rows, lambda row: setting_view(call.cloud, SETTINGS[row["setting"]], owner))


def setting_view(cloud: Cloud, setting: Setting, owner: str = "") -> Row:
    row = cloud.table("configuration").get(f"{setting.name}@{owner}") if owner else None
    shown = {
        "name": setting.name,
        "value": row["value"] if row else value(cloud, setting.name),
        "defaultvalue": setting.default,
        "category": setting.category,
        "group": "Miscellaneous",
        "subgroup": "Others",
        "type": setting.type,
        "isdynamic": setting.is_dynamic,
        "component": "management-server",
        "displaytext": setting.name.replace(".", " ").capitalize(),
    }
    if setting.name not in _UNDESCRIBED:
        shown["description"] = setting.name.replace(".", " ")
    return {**shown, "scope": setting.scope} if owner else shown  # with an owner: unverified


@handles("updateConfiguration")
def update_configuration(call: Call) -> Row:
    setting = SETTINGS.get(call["name"])
    scope, owner = _target(call)
    if setting is None:
        raise InvalidValue(f"Config parameter with name {call['name']} doesn't exist")
    if not call.caller.is_root and (not owner or setting.scope not in _OWNED):
        raise PermissionDenied(f"Only root admins can change the setting {setting.name}")
    if not _is_visible(call, setting, scope):
        raise InvalidValue(f"Invalid scope id provided for the parameter {setting.name}")
    text = call.get("value", setting.default)
    if setting.type == "Number" and not text.isdecimal():
        raise InvalidValue(f"There was an error trying to parse the integer value for: {setting.name}")
    if setting.type == "Boolean" and text not in ("true", "false"):
        raise InvalidValue(f"Please enter either 'true' or 'false' for {setting.name}")
    key = f"{setting.name}@{owner}" if owner else setting.name
    call.cloud.table("configuration").put({"id": key, "value": text})
    return {"configuration": setting_view(call.cloud, setting, owner)}
