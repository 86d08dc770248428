"""Network service providers: who can do what on a physical network, and may (cloudstack-api.md 3.10, 5.1)."""

from __future__ import annotations

from sandbox.cloudstack.calls.call import Call, creates, handles, undoes
from sandbox.cloudstack.protocol.errors import InvalidValue, ServerError
from sandbox.cloudstack.resources.zone import offerings
from sandbox.cloudstack.seed import GATEWAY, NAT_SERVICES, NETRIS, PROVIDERS
from sandbox.cloudstack.state.cloud import Cloud, view
from sandbox.kit.store import Row

KIND = "networkserviceprovider"
ENABLED = "Enabled"
_STATES = (ENABLED, "Disabled", "Shutdown")
_ABILITIES = {name: services for name, _, services in PROVIDERS}
_ALL_OR_NOTHING = "InternalLbVm"


@handles("listNetworkServiceProviders")
def list_service_providers(call: Call) -> Row:
    rows = call.narrowed(call.cloud.table(KIND), "physicalnetworkid", "name", "state")
    return call.page(rows[::-1], lambda row: provider_view(call.cloud, row))


def provider_view(cloud: Cloud, row: Row) -> Row:
    shown = view(row, "id", "name", "physicalnetworkid", "destinationphysicalnetworkid", "state", "servicelist")
    return {**shown, "canenableindividualservice": _can_enable_one(row["name"]), **cloud.job_fields(row)}


def _can_enable_one(provider: str) -> bool:
    return provider != _ALL_OR_NOTHING


@creates("addNetworkServiceProvider")
def add_provider(call: Call) -> Row:
    """It begins Disabled (unverified), with all services that it can do when none are named."""
    cloud, network, destination = call.cloud, call["physicalnetworkid"], call.get("destinationphysicalnetworkid")
    name = next((each for each in _ABILITIES if each.lower() == call["name"].lower()), None)
    if name is None:
        raise InvalidValue(f"Invalid Network Service Provider: {call['name']}")
    if cloud.table(KIND).find(physicalnetworkid=network["id"], name=name) is not None:
        raise InvalidValue(f"The '{name}' provider already exists on physical network {network['id']}")
    return cloud.new(
        KIND,
        name=name,
        physicalnetworkid=network["id"],
        destinationphysicalnetworkid=destination["id"] if destination else None,
        state="Disabled",
        servicelist=_services(name, call.get("servicelist")),
    )


def add_netris(cloud: Cloud, network: Row) -> None:
    """The plugin puts its provider onto each new physical network that is its own, ready to be used."""
    services = list(_ABILITIES[NETRIS])
    cloud.new(KIND, name=NETRIS, physicalnetworkid=network["id"], state=ENABLED, servicelist=services)


def remove_all(cloud: Cloud, network: Row) -> None:
    for row in cloud.table(KIND):
        if row["physicalnetworkid"] == network["id"]:
            cloud.remove(KIND, row)


def _services(provider: str, asked: list[str] | None) -> list[str]:
    """The services of the list, as they are spelled; all that the provider can do when there is no list."""
    able = {service.lower(): service for service in _ABILITIES[provider]}
    if asked is None:
        return list(able.values())
    for service in asked:
        if service.lower() not in able:
            raise InvalidValue(f"Provider {provider} does not support service {service}")
    return list(dict.fromkeys(able[service.lower()] for service in asked))


@handles("addNetworkServiceProvider")
def confirm_provider(call: Call) -> Row:
    return {"networkserviceprovider": provider_view(call.cloud, call.row)}


@undoes("addNetworkServiceProvider")
def unmake_provider(call: Call) -> None:
    call.cloud.remove(KIND, call.row)
    raise ServerError("Failed to add a network service provider")


@handles("updateNetworkServiceProvider")
def update_provider(call: Call) -> Row:
    cloud, row = call.cloud, call["id"]
    changes: Row = {}
    if "state" in call:
        changes["state"] = call["state"].capitalize()
        if changes["state"] not in _STATES:
            raise InvalidValue(f"Unable to resolve state '{call['state']}' to a supported value: {_STATES}")
    if "servicelist" in call:
        if row["name"] == _ALL_OR_NOTHING:
            raise InvalidValue(f"Services of provider {row['name']} cannot be enabled one by one")
        changes["servicelist"] = _services(row["name"], call["servicelist"])
    if "customid" in call:
        cloud.rename(KIND, row, call["customid"])
    cloud.change(KIND, row, **changes)
    return {"networkserviceprovider": provider_view(cloud, row)}


def check_able(cloud: Cloud, service: str, provider: str) -> None:
    """A provider that an offering names can do the service, on whichever physical network."""
    rows = [row for row in cloud.table(KIND) if row["name"] == provider]
    if not rows:
        raise InvalidValue(f"Invalid service provider: {provider}")
    if service != GATEWAY and not any(service in row["servicelist"] for row in rows):
        raise InvalidValue(f"Provider {provider} doesn't support service {service}")


def check_buildable(cloud: Cloud, services: dict[str, str]) -> None:
    """Providers must be Enabled for their services to be built (5.1); when that is looked at is unverified."""
    for service in services.keys() & set(NAT_SERVICES):
        if services[service] not in (NETRIS, _ALL_OR_NOTHING):
            raise InvalidValue(f"The virtual router does not do {service} in a zone of provider {NETRIS}")
    here = {row["name"]: row for row in cloud.table(KIND) if row["physicalnetworkid"] == cloud.physical_network["id"]}
    for service, provider in services.items():
        row = here.get(provider)
        is_able = row is not None and (service == GATEWAY or service in row["servicelist"])
        if row is None or row["state"] != ENABLED or not is_able:
            raise InvalidValue(
                f"Provider {provider} is either not enabled or doesn't support service {service} on physical network "
                f"{cloud.physical_network['id']}"
            )


@handles("listSupportedNetworkServices")
def list_supported_services(call: Call) -> Row:
    """One row per service, with everyone who can provide it."""
    providers = list(call.cloud.table(KIND))
    names = sorted({service for row in providers for service in row["servicelist"]})
    rows: list[Row] = []
    for name in names:
        able = list(dict.fromkeys(row["name"] for row in providers if name in row["servicelist"]))
        if call.get("provider", able[0]) in able and call.get("service", name).lower() == name.lower():
            shown = [{"name": each, "canenableindividualservice": _can_enable_one(each)} for each in able]
            rows.append({"name": name, "provider": shown})
    return call.page(rows, lambda row: {**row, "capability": offerings.capability_names(row["name"])})
