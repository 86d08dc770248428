"""Load balancers: cloudstack-api.md 3.7 and 5.2 to 5.6, and the plugin's part: netris-api.md 4.3."""

import pytest

from tests.sandbox.cloudstack.client import refusal

REFUSED = {"errorcode": 431, "errortext": "Failed API call to Netris controller"}


@pytest.fixture
def vpc(acme):
    return acme.vpc()


@pytest.fixture
def tier(acme, vpc):
    return acme.tier(vpc)


@pytest.fixture
def vms(acme, tier):
    return [acme.machine(tier, f"web-{number}") for number in (1, 2, 3)]


@pytest.fixture
def address(acme, vpc):
    return acme.public_ip(vpc["id"])


@pytest.fixture
def rule(acme, address, tier):
    return made(acme, address, tier)


def asked(address, tier, **more):
    given = {"name": "web", "algorithm": "roundrobin", "publicport": 443, "privateport": 8443}
    return {"publicipid": address["id"], "networkid": tier["id"], **given, **more}


def made(caller, address, tier, **more):
    return caller.done("createLoadBalancerRule", **asked(address, tier, **more))["loadbalancer"]


def assign(caller, rule, *vms):
    return caller.job("assignToLoadBalancerRule", id=rule["id"], virtualmachineids=",".join(vm["id"] for vm in vms))


def state(caller, rule):
    return caller.list("listLoadBalancerRules", id=rule["id"])[0]["state"]


def on_netris(netris):
    vpcs = [("filterByVpc[]", row["id"]) for row in netris.get("/api/v2/vpc").json()["data"]]
    return netris.get("/api/v2/l4lb", params=vpcs).json()["data"]


def acls(netris):
    found = netris.get("/api/acl", params={"filterByVpc[]": 1}).json()["data"]
    return sorted(
        (row["name"].split("-LBACL")[1], row["action"], f"{row['src_prefix']}/{row['src_length']}") for row in found
    )


def test_a_rule_stays_add_until_its_first_member_3_7(acme, netris, address, tier, vms, rule):
    assert rule.keys() >= {
        "publicipid",
        "privateport",
        "algorithm",
        "networkid",
        "zoneid",
        "zonename",
        "account",
        "tags",
    }
    assert (rule["state"], rule["publicport"], rule["protocol"], rule["publicip"]) == (
        "Add",
        "443",
        "tcp",
        address["ipaddress"],
    )
    assert "cidrlist" not in rule
    assert on_netris(netris) == []

    assert assign(acme, rule, *vms[:2])["jobresult"] == {"success": True}

    assert state(acme, rule) == "Active"
    (balancer,) = on_netris(netris)
    assert balancer["name"].startswith("D2-A3-Z1-V1-LB")
    assert (balancer["protocol"], balancer["ip"], balancer["port"]) == ("TCP", address["ipaddress"], 443)
    assert (balancer["healthcheck"], balancer["automatic"]) == (None, False)
    assert [(each["ip"], each["port"]) for each in balancer["backendIps"]] == [
        (vm["ipaddress"], 8443) for vm in vms[:2]
    ]


def test_members_are_sent_in_full_each_time_4_3(acme, netris, rule, vms):
    assign(acme, rule, vms[0])
    assign(acme, rule, vms[1])
    acme.done("removeFromLoadBalancerRule", id=rule["id"], virtualmachineids=vms[0]["id"])
    assert [each["ip"] for each in on_netris(netris)[0]["backendIps"]] == [vms[1]["ipaddress"]]

    acme.done("removeFromLoadBalancerRule", id=rule["id"], virtualmachineids=vms[1]["id"])

    assert on_netris(netris)[0]["backendIps"] == []
    assert state(acme, rule) == "Add"


def test_members_are_listed_in_both_forms_3_7(acme, rule, vms):
    given = {"vmidipmap[0].vmid": vms[0]["id"], "vmidipmap[0].vmip": vms[0]["ipaddress"]}
    acme.done("assignToLoadBalancerRule", id=rule["id"], **given)

    plain = acme("listLoadBalancerRuleInstances", id=rule["id"])
    both = acme("listLoadBalancerRuleInstances", id=rule["id"], lbvmips="true")
    free = acme("listLoadBalancerRuleInstances", id=rule["id"], applied="false")

    assert plain["count"] == 1
    assert [each["id"] for each in plain["loadbalancerruleinstance"]] == [vms[0]["id"]]
    (pair,) = both["lbrulevmidip"]
    assert pair["loadbalancerruleinstance"]["id"] == vms[0]["id"]
    assert pair["lbvmipaddresses"] == [vms[0]["ipaddress"]]
    assert {each["id"] for each in free["loadbalancerruleinstance"]} == {vms[1]["id"], vms[2]["id"]}
    assert [each["id"] for each in acme.list("listLoadBalancerRules", virtualmachineid=vms[0]["id"])] == [rule["id"]]
    assert acme("listLoadBalancerRules", virtualmachineid=vms[1]["id"]) == {}


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"algorithm": "fair"}, 431),
        ({"publicport": 0}, 431),
        ({"privateport": 65536}, 431),
        ({"publicport": None}, 431),
        ({"name": None}, 431),
        ({"publicipid": None}, 431),
        ({"networkid": None}, 431),
        ({"cidrlist": "10.0.0.0/99"}, 431),
    ],
)
def test_what_makes_no_sense_is_refused_while_the_caller_waits_3_7_5_5(acme, address, tier, wrong, status):
    assert refusal(acme, "createLoadBalancerRule", **asked(address, tier, **wrong)).status == status
    assert acme("listLoadBalancerRules") == {}


def test_what_means_nothing_on_netris_is_accepted_w12(acme, netris, address, tier, vms):
    source = made(acme, address, tier, algorithm="source", publicport=1)
    rest = [
        made(acme, address, tier, protocol=each, publicport=2 + n)
        for n, each in enumerate(("icmp", "tcp-proxy", "ssl"))
    ]

    assert source["algorithm"] == "source"
    assert [each["protocol"] for each in rest] == ["icmp", "tcp-proxy", "ssl"]
    assert assign(acme, source, vms[0])["jobresultcode"] == 0
    assert on_netris(netris)[0]["protocol"] == "TCP"


def test_one_port_of_an_address_has_one_rule_3_7(acme, address, tier, rule, vms):
    assert refusal(acme, "createLoadBalancerRule", **asked(address, tier, name="again")).status == 537
    made(acme, address, tier, protocol="udp")
    made(acme, address, tier, publicport=80)
    given = {"ipaddressid": address["id"], "virtualmachineid": vms[0]["id"], "protocol": "tcp"}
    found = refusal(acme, "createPortForwardingRule", publicport=22, privateport=22, **given)
    assert (found.status, found.body["cserrorcode"]) == (431, 4350)


def test_members_must_fit_3_7(acme, vpc, rule, vms):
    far = acme.machine(acme.tier(vpc, "db", gateway="10.10.2.1"), "db-1")
    assign(acme, rule, vms[0])

    assert assign(acme, rule, far)["jobresultcode"] == 530
    assert assign(acme, rule, vms[0])["jobresultcode"] == 530
    assert acme.job("assignToLoadBalancerRule", id=rule["id"])["jobresultcode"] == 530
    assert acme.job("assignToLoadBalancerRule", id=rule["id"], **{"vmidipmap[0].vmid": "x"})["jobresultcode"] == 431
    wrong = {"vmidipmap[0].vmid": vms[1]["id"], "vmidipmap[0].vmip": "10.10.1.200"}
    assert acme.job("assignToLoadBalancerRule", id=rule["id"], **wrong)["jobresultcode"] == 530
    acme.done("removeFromLoadBalancerRule", id=rule["id"], virtualmachineids=vms[1]["id"])


def test_what_an_update_may_say_5_5(acme, netris, rule, vms):
    assign(acme, rule, vms[0])

    changed = acme.done("updateLoadBalancerRule", id=rule["id"], name="shop", description="the shop", protocol="udp")

    assert changed["loadbalancer"]["name"] == "shop"
    job = acme.job("updateLoadBalancerRule", id=rule["id"], algorithm="leastconn")
    text = "Algorithm: leastconn specified for Netris Provider is not supported."
    assert job["jobresult"] == {"errorcode": 431, "errortext": text}


def test_sources_become_acls_of_the_system_vpc_4_3(acme, netris, address, tier, vms):
    rule = made(acme, address, tier, cidrlist="192.0.2.0/24,198.18.0.0/15")
    assert rule["cidrlist"] == "192.0.2.0/24,198.18.0.0/15"
    assert acls(netris) == []
    assign(acme, rule, vms[0])
    assert acls(netris) == [
        ("0-web", "deny", "0.0.0.0/0"),
        ("1-web", "permit", "192.0.2.0/24"),
        ("2-web", "permit", "198.18.0.0/15"),
    ]
    acme.done("deleteLoadBalancerRule", id=rule["id"])

    assert (acls(netris), on_netris(netris)) == ([], [])


def test_a_source_that_is_taken_off_stays_on_netris_for_good_4_3(acme, netris, address, tier, vms):
    rule = made(acme, address, tier, cidrlist="192.0.2.0/24,198.18.0.0/15")
    assign(acme, rule, vms[0])

    acme.done("updateLoadBalancerRule", id=rule["id"], cidrlist="192.0.2.0/24")
    assert len(acls(netris)) == 3
    acme.done("deleteLoadBalancerRule", id=rule["id"])

    assert acls(netris) == [("2-web", "permit", "198.18.0.0/15")]


def test_udp_is_tcp_to_netris_w10(acme, netris, address, tier, vms):
    rule = made(acme, address, tier, protocol="udp", cidrlist="192.0.2.0/24")

    assign(acme, rule, vms[0])

    assert acme.list("listLoadBalancerRules", id=rule["id"])[0]["protocol"] == "udp"
    assert on_netris(netris)[0]["protocol"] == "TCP"
    assert {each["proto"] for each in netris.get("/api/acl").json()["data"] if "-LBACL" in each["name"]} == {"tcp"}


def test_a_balancer_with_sources_fails_to_be_renamed_w11(acme, netris, address, tier, vms):
    rule = made(acme, address, tier, cidrlist="192.0.2.0/24")
    assign(acme, rule, vms[0])
    before = acls(netris)

    job = acme.job("updateLoadBalancerRule", id=rule["id"], name="shop")

    assert job["jobresult"] == REFUSED
    assert (acls(netris), state(acme, rule)) == (before, "Add")
    assert acme.list("listLoadBalancerRules", id=rule["id"])[0]["name"] == "shop"
    acme.done("deleteLoadBalancerRule", id=rule["id"])
    assert acls(netris) == before


def test_whatever_changes_resets_what_others_have_set_3_7(acme, netris, rule, vms):
    assign(acme, rule, vms[0])
    (balancer,) = on_netris(netris)

    def heal():
        kept = {name: balancer[name] for name in ("name", "ip", "port", "protocol", "automatic")}
        kept |= {"backendIps": [{"ip": vms[0]["ipaddress"], "port": 8443, "maintenance": True}]}
        netris.put(f"/api/v2/l4lb/{balancer['id']}", json={**kept, "healthCheck": "TCP", "timeOut": "2000"})
        assert on_netris(netris)[0]["backendIps"][0]["maintenance"] is True

    sticky = {"lbruleid": rule["id"], "name": "sticky", "methodname": "lbcookie"}
    for command, given in (
        ("updateLoadBalancerRule", {"id": rule["id"], "description": "words"}),
        ("removeFromLoadBalancerRule", {"id": rule["id"], "virtualmachineids": vms[1]["id"]}),
        ("assignToLoadBalancerRule", {"id": rule["id"], "virtualmachineids": vms[1]["id"]}),
        ("createLBStickinessPolicy", sticky),
    ):
        heal()
        acme.done(command, **given)
        assert on_netris(netris)[0]["backendIps"][0]["maintenance"] is False


def test_a_refused_assignment_is_rolled_back_3_7(world, acme, rule, vms):
    world.netris.faults.order("refuse", "POST /api/v2/l4lb", times=1)

    job = assign(acme, rule, vms[0])

    assert job["jobresult"] == REFUSED
    assert acme("listLoadBalancerRuleInstances", id=rule["id"]) == {}
    assert state(acme, rule) == "Add"
    assert assign(acme, rule, vms[0])["jobstatus"] == 1


def test_a_refused_removal_leaves_the_member_and_is_repeated_5_5(world, acme, rule, vms):
    assign(acme, rule, *vms[:2])
    world.netris.faults.order("refuse", "PUT /api/v2/l4lb/{id}", times=1)

    job = acme.job("removeFromLoadBalancerRule", id=rule["id"], virtualmachineids=vms[0]["id"])
    assert (job["jobresult"], state(acme, rule)) == (REFUSED, "Add")
    assert acme("listLoadBalancerRuleInstances", id=rule["id"])["count"] == 2
    acme.done("removeFromLoadBalancerRule", id=rule["id"], virtualmachineids=vms[0]["id"])
    assert assign(acme, rule, vms[0])["jobstatus"] == 1


def test_a_refused_delete_leaves_deleting_and_is_repeated_5_5(world, acme, netris, rule, vms):
    assign(acme, rule, vms[0])
    world.netris.faults.order("refuse", "DELETE /api/v2/l4lb/{id}", times=1)

    assert acme.job("deleteLoadBalancerRule", id=rule["id"])["jobresult"] == REFUSED
    assert state(acme, rule) == "Deleting"
    acme.done("deleteLoadBalancerRule", id=rule["id"])
    assert (acme("listLoadBalancerRules"), on_netris(netris)) == ({}, [])


def test_a_failed_job_leaves_no_rule_2_2(world, acme, address, tier):
    world.cloudstack.faults.order("fail_job", "createLoadBalancerRule", times=1)

    assert acme.job("createLoadBalancerRule", **asked(address, tier))["jobstatus"] == 2
    assert acme("listLoadBalancerRules") == {}


def test_an_expunged_machine_leaves_its_balancers_3_9(root, acme, netris, rule, vms):
    assign(acme, rule, *vms[:2])

    root.done("destroyVirtualMachine", id=vms[0]["id"], expunge="true")

    assert [each["ip"] for each in on_netris(netris)[0]["backendIps"]] == [vms[1]["ipaddress"]]


def test_all_of_it_goes_with_the_account_3_1(world, root, acme, rule, vms):
    assign(acme, rule, *vms)

    root.done("deleteAccount", id=acme.account_view["id"])

    assert world.are_empty()


# policies


def test_stickiness_is_kept_and_not_sent_5_6(acme, netris, rule, vms):
    assign(acme, rule, vms[0])
    before = on_netris(netris)[0]
    given = {"lbruleid": rule["id"], "name": "sticky", "methodname": "lbcookie"}

    response = acme.send("createLBStickinessPolicy", **given, **{"param[0].name": "holdtime", "param[0].value": "20"})
    assert list(response.json()) == ["createLBStickinessPolicy"]

    (found,) = acme.list("listLBStickinessPolicies", lbruleid=rule["id"])
    (policy,) = found["stickinesspolicy"]
    assert (policy["methodname"], policy["params"], policy["state"]) == ("LbCookie", {"holdtime": "20"}, "Active")
    assert {**on_netris(netris)[0], "modifiedDate": 0} == {**before, "modifiedDate": 0}
    assert refusal(acme, "createLBStickinessPolicy", **given).status == 431
    assert list(acme.send("deleteLBStickinessPolicy", id=policy["id"]).json()) == ["deleteLBstickinessrruleresponse"]
    assert acme.list("listLBStickinessPolicies", lbruleid=rule["id"])[0]["stickinesspolicy"] == []
    assert refusal(acme, "createLBStickinessPolicy", **{**given, "methodname": "magic"}).status == 431
    assert refusal(acme, "listLBStickinessPolicies").status == 431


def test_health_checks_are_refused_3_7(acme, rule):
    assert refusal(acme, "createLBHealthCheckPolicy", lbruleid=rule["id"], pingpath="/").status == 430
    assert acme.list("listLBHealthCheckPolicies", lbruleid=rule["id"])[0]["healthcheckpolicy"] == []
    assert refusal(acme, "deleteLBHealthCheckPolicy", id=rule["id"]).status == 431


def test_rules_of_others_are_out_of_reach_1_6(root, acme, rule):
    other = root.account("globex", root.domain("globex"))

    assert other("listLoadBalancerRules") == {}
    for command, name in (
        ("listLoadBalancerRules", "id"),
        ("listLoadBalancerRuleInstances", "id"),
        ("deleteLoadBalancerRule", "id"),
        ("listLBStickinessPolicies", "lbruleid"),
        ("listLBHealthCheckPolicies", "lbruleid"),
    ):
        assert refusal(other, command, **{name: rule["id"]}).status == 531
