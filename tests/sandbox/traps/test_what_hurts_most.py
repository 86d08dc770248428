"""The eight traps that hurt most, as a real CloudStack with its plugin showed them."""

from tests.sandbox.cloudstack.client import refusal
from tests.sandbox.control import at_the_call, data
from tests.sandbox.traps.scene import ANYWHERE, REFUSED

# 1


def a_route_of_somebody_else(scene, prefix="192.168.99.0/24"):
    body = {"prefix": prefix, "next_hop": "10.10.1.9", "site_id": 1, "stateStatus": "active", "switches": []}
    assert scene.netris.post("/api/routes", json={**body, "vpc": {"id": scene.netris_vpc}}).is_success


def routes(scene):
    found = scene.netris.get("/api/routes", params={"filterByVpc": scene.netris_vpc}).json()["data"]
    return sorted(row["name"] for row in found)


def route(scene, cidr="192.168.7.0/24"):
    given = {"vpcid": scene.vpc["id"], "nexthop": "10.10.1.254", "cidr": cidr}
    return scene.root.done("createStaticRoute", **given)["staticroute"]


def test_any_route_of_cloudstacks_deletes_those_that_it_does_not_know(scene):
    assert scene.tier
    a_route_of_somebody_else(scene)

    made = route(scene)
    assert routes(scene) == ["192.168.7.0/24"]
    a_route_of_somebody_else(scene)
    scene.root.done("deleteStaticRoute", id=made["id"])
    assert routes(scene) == []


def test_a_tier_that_goes_takes_foreign_routes_along_where_cloudstack_has_one(scene):
    other = scene.root.tier(scene.vpc, "db", gateway="10.10.2.1")
    scene.root.machine(other)
    scene.root.done("destroyVirtualMachine", id=scene.root.list("listVirtualMachines")[0]["id"], expunge="true")
    assert scene.tier
    route(scene)
    a_route_of_somebody_else(scene)

    scene.root.done("deleteNetwork", id=other["id"])

    assert routes(scene) == ["192.168.7.0/24"]


# 2 and 7


def balancer(scene, address, name="web", port=443, sources="192.0.2.0/24"):
    given = {"name": name, "algorithm": "roundrobin", "publicport": port, "privateport": port, "cidrlist": sources}
    given |= {"publicipid": address["id"], "networkid": scene.tier["id"]}
    rule = scene.root.done("createLoadBalancerRule", **given)["loadbalancer"]
    scene.root.done("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=scene.vm["id"])
    return rule


def doors(scene):
    rows = [row for row in data(scene.netris, "/api/acl") if "-LBACL" in row["name"]]
    return sorted((row["name"].split("-LBACL")[1], row["action"], row["dst_prefix"]) for row in rows)


def test_two_balancers_of_one_name_share_their_acls_and_the_first_stands_open(scene):
    first, second = scene.address["ipaddress"], scene.other_address["ipaddress"]
    balancer(scene, scene.address)
    assert doors(scene) == [("0-web", "deny", first), ("1-web", "permit", first)]

    balancer(scene, scene.other_address)

    assert doors(scene) == [("0-web", "deny", second), ("1-web", "permit", second)]


def test_fewer_ranges_of_a_balancer_leave_a_permit_that_outlives_the_vpc(scene):
    rule = balancer(scene, scene.address, sources="192.0.2.0/24,203.0.113.0/24")
    address = scene.address["ipaddress"]

    scene.root.done("updateLoadBalancerRule", id=rule["id"], cidrlist="192.0.2.0/24")
    assert ("2-web", "permit", address) in doors(scene)
    scene.root.done("deleteLoadBalancerRule", id=rule["id"])
    scene.root.done("destroyVirtualMachine", id=scene.vm["id"], expunge="true")
    scene.root.done("deleteNetwork", id=scene.tier["id"])
    scene.root.done("deleteVPC", id=scene.vpc["id"])

    assert doors(scene) == [("2-web", "permit", address)]


# 3


def second_static_nat(scene):
    """For the secondary address of a machine that has one."""
    extra = scene.secondary()
    scene.static()
    found = refusal(scene.static, scene.other_address, vmguestip=extra)
    return found, extra


def test_a_second_static_nat_of_a_machine_fails_and_is_shown_as_static(scene):
    found, extra = second_static_nat(scene)

    assert (found.status, found.body["cserrorcode"], found.text) == (431, 4350, REFUSED["errortext"])
    now = scene.shown(scene.other_address)
    assert (now["isstaticnat"], now["vmipaddress"]) == (True, extra)
    assert scene.nat == [scene.is_static(scene.address, scene.vm)]


def test_a_second_static_nat_in_another_tier_fails_as_well(scene):
    other = scene.root.tier(scene.vpc, "db", gateway="10.10.2.1")
    vm = scene.root.machine({"id": f"{scene.tier['id']},{other['id']}"})
    scene.static(vm=vm)

    found = refusal(scene.static, scene.other_address, vm, other)

    assert (found.status, found.text) == (431, REFUSED["errortext"])
    assert scene.nat == [scene.is_static(scene.address, vm)]


def test_disabling_the_failed_second_deletes_the_good_static_nat(scene):
    second_static_nat(scene)

    assert scene.disable(scene.other_address)["jobstatus"] == 1

    assert scene.nat == []
    assert scene.shown()["isstaticnat"]
    assert not scene.shown(scene.other_address)["isstaticnat"]


# 4 and 5


def test_the_sources_of_a_forward_are_ignored(scene):
    rule = scene.forwarded(cidrlist="192.0.2.0/24")

    assert rule["cidrlist"] == "192.0.2.0/24"
    (row,) = scene.nat_rows
    assert row["sourceAddress"] == ANYWHERE


def test_a_forward_to_a_secondary_address_goes_to_the_first(scene):
    extra = scene.secondary()

    rule = scene.forwarded(vmguestip=extra)

    assert rule["vmguestip"] == extra
    assert scene.nat == [scene.is_forward(scene.address, scene.vm)]


def test_static_nat_to_a_secondary_address_is_right(scene):
    extra = scene.secondary()

    scene.static(vmguestip=extra)

    assert scene.nat == [scene.is_static(scene.address, scene.vm, extra)]


# 6


def test_a_replaced_list_is_deleted_first_and_written_one_by_one_in_ascending_number(scene):
    old, new = scene.acl("old"), scene.acl("new")
    scene.permits(old, [22])
    scene.permits(new, [80, 81, 82])
    scene.deny_all(new, 99)
    tier = scene.tier_with(old)
    assert scene.replace(old, tier)["jobstatus"] == 1

    with scene.sampled() as seen:
        assert scene.replace(new, tier)["jobstatus"] == 1

    assert [[port for *_, port, _ in sample] for sample in seen] == [
        [22],
        [],
        [80],
        [80, 81],
        [80, 81, 82],
        [80, 81, 82, 0],
    ]
    assert seen[-1][-1][0] == "deny"


def test_with_the_deny_of_all_made_first_a_replaced_list_is_closed_from_the_first_rule_on(scene):
    new = scene.acl("new")
    scene.deny_all(new, 1)
    scene.permits(new, [80, 81])
    tier = scene.tier_with(scene.acl("empty"))

    with scene.sampled() as seen:
        assert scene.replace(new, tier)["jobstatus"] == 1

    assert [sample[0][0] for sample in seen[1:]] == ["deny"] * 3


# 8


def test_two_changes_of_one_list_at_once_interleave_and_one_fails(scene):
    acl = scene.acl()
    scene.tier_with(acl)
    outcomes = []

    with at_the_call(
        scene.world, "POST", "/api/acl", lambda: outcomes.append(scene.item(acl, 20, startport=80, endport=80))
    ):
        outcomes.append(scene.item(acl, 10))

    assert [each["jobstatus"] for each in outcomes] == [1, 2]
    assert outcomes[1]["jobresult"] == {"errorcode": 530, "errortext": "Failed to create network ACL Item"}
    assert scene.items(acl) == [(20, "Active")]
    assert scene.acls == [("permit", "tcp", 80, ANYWHERE)]
