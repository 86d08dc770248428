"""Framing, signing, sessions, parameters, paging: cloudstack-api.md section 1, error bodies of 2.1."""

import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from sandbox.world import World
from tests.sandbox.cloudstack.client import Caller, Refused, client_of, refusal, sign

A = {"apiKey": "foo", "command": "listVirtualMachines", "listall": "true", "response": "json"}
B = {
    "apikey": "demoApiKey-0123456789_AbCdEf",
    "command": "createVPC",
    "response": "json",
    "zoneid": "1a2b3c4d-0000-4000-8000-000000000001",
    "name": "Prod VPC",
    "displaytext": "Café & bar: 50% (a+b) *x",
    "cidr": "10.10.0.0/16",
    "vpcofferingid": "1a2b3c4d-0000-4000-8000-000000000002",
    "signatureversion": "3",
    "expires": "2026-01-02T03:04:05+0000",
}
C = {
    "apikey": "foo",
    "command": "deployVirtualMachine",
    "details[0].cpunumber": "2",
    "iptonetworklist[0].ip": "10.1.1.5",
    "iptonetworklist[0].networkid": "n1",
    "response": "json",
}
D = {**A, "name": "a~b"}
E = {"apiKey": "foo", "command": "listNetworks", "Zone": "1", "account": "x", "response": "json"}


@pytest.fixture
def foo():
    """A server whose root user has the keys of the check vectors."""
    return client_of(World(cloudstack_keys=("foo", "bar")))


@pytest.mark.parametrize("send", ["GET", "POST"])
@pytest.mark.parametrize(
    ("parameters", "signature"),
    [
        (A, "B0d6hBsZTcFVCiioSxzwKA9Pke8="),
        (C, "T83WEn0c+dZMn04JLbMM0WeU77g="),
        (D, "dR2+G8mZoBmk2aqg0tRKIg8xIhg="),
        (E, "zf70+Aj8wg6NeWcXyMjDmCL5aAU="),
    ],
)
def test_the_check_vectors_are_accepted_1_2(foo, parameters, signature, send):
    response = send_signed(foo, parameters, signature, send)

    assert response.status_code in (200, 431)  # 431: the vectors name things that do not exist


def test_vector_b_is_accepted_until_it_expires_1_2():
    world = World(cloudstack_keys=("demoApiKey-0123456789_AbCdEf", "demoSecretKey-9876543210_zYxWvU"))
    client = client_of(world)
    world.clock.advance(datetime(2026, 1, 2, 3, 4, 0, tzinfo=UTC).timestamp() - world.clock.now())

    in_time = send_signed(client, B, "BOK2Evrw99YvykVdbwVVCPBnBOg=", "GET")
    world.clock.advance(timedelta(seconds=10))
    late = send_signed(client, B, "BOK2Evrw99YvykVdbwVVCPBnBOg=", "GET")

    assert in_time.status_code == 431
    assert "zoneid" in in_time.json()["createvpcresponse"]["errortext"]
    assert late.status_code == 401


@pytest.mark.parametrize(
    ("parameters", "signature"),
    [
        (A, "B0d6hBsZTcFVCiioSxzwKA9Pke9="),
        (A, "b0d6hbsztcfvciiosxzwka9pke8="),
        (A, ""),
        (D, "cSCt9BKQsHhMp5xfpPTlANYpnn0="),  # trap D: `~` left bare
        (E, "zcGMIRYDNEk5Ka4bSdikcnVhQG4="),  # trap E: sorted by lower-cased name
        ({**A, "page": "1"}, "B0d6hBsZTcFVCiioSxzwKA9Pke8="),
        ({**A, "apiKey": "fou"}, "B0d6hBsZTcFVCiioSxzwKA9Pke8="),
    ],
)
def test_wrong_signatures_are_refused_1_2(foo, parameters, signature):
    response = send_signed(foo, parameters, signature, "GET")

    envelope = f"{parameters['command'].lower()}response"
    assert response.status_code == 401
    assert response.json()[envelope] == {
        "uuidList": [],
        "errorcode": 401,
        "errortext": "unable to verify user credentials and/or request signature",
    }
    assert "X-Description" not in response.headers


@pytest.mark.parametrize("shape", ["%Y-%m-%dT%H:%M:%S+0000", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.000+00:00"])
def test_expiry_comes_in_several_shapes_1_2(world, root, shape):
    moment = datetime.fromtimestamp(world.clock.now() + 600, UTC)

    assert root("listZones", signatureversion=3, expires=moment.strftime(shape))["count"] == 1


@pytest.mark.parametrize("expires", [None, "soon", "2020-01-01T00:00:00+0000", "2020-13-99T00:00:00Z"])
def test_version_3_needs_an_expiry_in_the_future_1_2(root, expires):
    with pytest.raises(Refused, match="401"):
        root("listZones", signatureversion=3, expires=expires)


def test_without_version_3_the_expiry_is_only_signed_1_2(root):
    assert root("listZones", expires="2020-01-01T00:00:00+0000")["count"] == 1


def test_an_unknown_command_is_a_401_with_a_key_1_2(root):
    response = root.send("listVirtualUnicorns")

    assert response.status_code == 401
    assert list(response.json()) == ["errorresponse"]


def test_no_command_at_all_is_a_401_under_the_key_null_2_1(root):
    sent = {"response": "json", "apikey": root.key}

    response = root.http.get("/client/api", params={**sent, "signature": sign(sent, root.secret)})

    assert (response.status_code, list(response.json())) == (401, ["null"])


def test_the_role_is_checked_before_the_signature_1_2(root):
    user = root.account("acme", root.domain())

    for keys in ((user.key, user.secret), (user.key, "wrong")):
        response = Caller(root.http, keys).send("listVlanIpRanges")
        assert response.status_code == 432
        assert response.json()["errorresponse"]["cserrorcode"] == 9999
        assert "[listVlanIpRanges]" in response.json()["errorresponse"]["errortext"]


def test_a_disabled_account_is_a_401_1_2(root):
    user = root.account("acme", root.domain())
    root.done("disableAccount", id=user.account_view["id"], lock="false")

    with pytest.raises(Refused, match="401"):
        user("listZones")


def test_names_are_case_insensitive_but_command_and_response_are_not_1_4(root):
    assert root("listZones", NAME="zone1")["count"] == 1
    sent = {"Command": "listZones", "response": "json", "apikey": root.key}
    assert root.http.get("/client/api", params={**sent, "signature": sign(sent, root.secret)}).status_code == 401


def test_query_and_form_are_merged_1_1(root):
    sent = {"command": "listZones", "response": "json", "apikey": root.key, "name": "zone1"}
    signature = sign(sent, root.secret)
    response = root.http.post(
        "/client/api", params={"command": "listZones", "name": "zone1"}, data={**sent, "signature": signature}
    )

    assert response.json()["listzonesresponse"]["count"] == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_commands_are_sent_with_get_or_post_1_1(root, method):
    sent = {"command": "listZones", "response": "json", "apikey": root.key}

    response = root.http.request(method, "/client/api", params={**sent, "signature": sign(sent, root.secret)})

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, POST")


def test_answers_are_xml_unless_json_is_asked_for_1_1(root):
    sent = {"command": "listZones", "apikey": root.key}
    response = root.http.get("/client/api", params={**sent, "signature": sign(sent, root.secret)})

    assert re.match(r"<\?xml.*\?><listzonesresponse .*><count>1</count><zone>.*<name>zone1</name>", response.text)
    assert response.headers["content-type"].startswith("text/xml")
    refused = root.http.get("/client/api", params={"command": "listZones"})
    assert "<errorcode>401</errorcode>" in refused.text


def test_json_has_its_media_type_and_raw_characters_1_1(root):
    vpc = root.vpc("Café ☕")
    response = root.send("listVPCs", id=vpc["id"])

    assert response.headers["content-type"] == "application/json;charset=utf-8"
    assert "Café ☕" in response.text


def test_an_empty_list_is_an_empty_object_1_1(root):
    assert root("listVPCs") == {}


def test_missing_parameters_are_named_1_4(root):
    with pytest.raises(Refused) as refused:
        root("createVPC", zoneid=root.zone)

    assert refused.value.status == 431
    assert refused.value.body["cserrorcode"] == 9999
    assert refused.value.text == "Unable to execute API command createvpc due to missing parameter name"


@pytest.mark.parametrize(
    ("command", "parameters", "status"),
    [
        ("listVPCs", {"id": "no-such-vpc"}, 431),
        ("listVPCs", {"name": "x" * 256}, 431),
        ("listVPCs", {"name": "a\x00b"}, 431),
        ("listVPCs", {"page": "1"}, 431),
        ("listVPCs", {"pagesize": "10"}, 431),
        ("listVPCs", {"page": "1", "pagesize": "501"}, 431),
        ("listVPCs", {"page": "1", "pagesize": "0"}, 431),
        ("listVPCs", {"page": "1", "pagesize": "-1"}, 431),
        ("listVPCs", {"page": "one", "pagesize": "10"}, 431),
        ("listVPCs", {"page": "99999999999999999999", "pagesize": "10"}, 431),
        ("listVPCs", {"tags[0.key": "a"}, 430),
        ("listVPCs", {"tags[0][1].key": "a"}, 430),
        ("listEvents", {"startdate": "yesterday"}, 431),
        ("listTemplates", {"templatefilter": "nice"}, 431),
        ("queryAsyncJobResult", {"jobid": "0"}, 431),
        ("createTags", {"resourcetype": "Vpc", "resourceids": "x"}, 431),
    ],
)
def test_wrong_types_get_documented_errors_1_4(root, command, parameters, status):
    with pytest.raises(Refused) as refused:
        root(command, **parameters)

    assert refused.value.status == refused.value.body["errorcode"] == status
    assert refused.value.body["uuidList"] == []


def test_any_text_but_true_is_false_1_4(root):
    root.vpc()

    assert root.list("listPublicIpAddresses", issourcenat="maybe") == []
    assert len(root.list("listPublicIpAddresses", issourcenat="TRUE")) == 2


def test_unknown_parameters_are_ignored_1_4(root):
    assert root("listZones", colour="blue")["count"] == 1


def test_uuids_of_removed_things_still_resolve_1_4(root):
    vpc = root.vpc()
    root.done("deleteVPC", id=vpc["id"])

    assert root("listVPCs", id=vpc["id"]) == {}
    gone = [
        root.job(command, id=vpc["id"], **more) for command, more in (("deleteVPC", {}), ("updateVPC", {"name": "x"}))
    ]
    assert [(job["jobresultcode"], job["jobresult"]["errortext"].lower()) for job in gone] == [
        (431, "unable to find vpc id=1"),
        (431, "unable to find vpc by id 1"),
    ]


def test_ids_of_rules_that_are_gone_are_unknown_1_4(root):
    vpc = root.vpc()
    acl = root.done("createNetworkACLList", name="web", vpcid=vpc["id"])["networkacllist"]
    item = root.done("createNetworkACL", aclid=acl["id"], protocol="tcp")["networkacl"]
    root.done("deleteNetworkACL", id=item["id"])

    found = refusal(root, "deleteNetworkACL", id=item["id"])

    assert (found.body["cserrorcode"], "entity does not exist" in found.text) == (9999, True)


def test_numbers_of_the_database_stand_for_ids_1_4(root):
    vpc, zone = root.vpc(), root.list("listZones")[0]

    assert [each["id"] for each in root.list("listVPCs", id=1)] == [vpc["id"]]
    assert root("listVPCs", id=999) == root("listZones", id=999) == root("listNetworks", id=-1) == {}
    assert refusal(root, "listAccounts", id=999).text == "Unable to find account by id 999"
    given = {"vpcofferingid": vpc["vpcofferingid"], "cidr": "10.20.0.0/16"}
    assert root.done("createVPC", name="second", zoneid=1, **given)["vpc"]["zoneid"] == zone["id"]
    assert refusal(root, "listZones", ids="1").body["cserrorcode"] == 9999  # younger than the numbers are


def test_pages_count_everything_1_5(root):
    assert root("listPublicIpAddresses", state="Free", page=1, pagesize=10)["count"] > 200
    body = root("listRoles", page=2, pagesize=4)
    assert (body["count"], len(body["role"])) == (6, 2)
    assert root("listRoles", page=9, pagesize=4) == {"count": 6}
    assert len(root("listRoles", pagesize=-1)["role"]) == 6
    assert len(root("listRoles", page=-3, pagesize=4)["role"]) == 4
    assert root("listPublicIpAddresses", state="Free", retrieveonlyresourcecount="true").keys() == {"count"}


def test_without_paging_a_list_ends_at_500_1_5(root):
    body = root("listGuestVlans")

    assert (body["count"], len(body["guestvlan"])) == (1000001, 500)


# sessions (1.3)


def log_in(http, **more):
    given = {"command": "login", "username": "admin", "password": "password", "response": "json", **more}
    return http.post("/client/api", data=given)


def test_a_session_needs_cookie_and_key_1_3(root):
    http = root.http
    answer = log_in(http)
    body = answer.json()["loginresponse"]
    given = {"command": "listZones", "response": "json"}

    assert (body["username"], body["type"], body["account"]) == ("admin", "1", "admin")
    session, key = answer.headers.get_list("set-cookie")
    assert session.startswith("JSESSIONID=") and "Path=/client" in session and "HttpOnly" not in session
    assert key.startswith("sessionkey=") and "HttpOnly" in key
    assert http.get("/client/api", params={**given, "sessionkey": body["sessionkey"]}).status_code == 200
    refused = http.get("/client/api", params=given)
    assert refused.status_code == 401
    assert refused.json()["listzonesresponse"]["errortext"] == "unable to verify user credentials"


def test_in_a_session_an_unknown_command_is_a_432_and_none_a_400_2_1(root):
    key = log_in(root.http).json()["loginresponse"]["sessionkey"]

    unknown = root.http.get("/client/api", params={"command": "nonsense", "response": "json", "sessionkey": key})
    missing = root.http.get("/client/api", params={"response": "json", "sessionkey": key})

    assert (unknown.status_code, list(unknown.json())) == (432, ["errorresponse"])
    assert (missing.status_code, list(missing.json())) == (400, ["errorresponse"])


def test_logins_are_refused_as_documented_1_3(root):
    got = root.http.get("/client/api", params={"command": "login", "response": "json"})
    assert (got.status_code, got.headers["content-type"]) == (405, "text/plain")
    wrong = log_in(root.http, password="guess")
    assert wrong.status_code == 531
    assert wrong.json()["loginresponse"]["uuidList"] == []
    assert log_in(root.http, domain="/nowhere").status_code == 531


def test_a_user_of_a_domain_logs_in_by_its_path_1_3(root):
    root.account("acme", root.domain("tenants", parentdomainid=root.domain()["id"]))

    answer = log_in(root.http, username="acme-user", password="secret", domain="/acme/tenants/")

    assert answer.json()["loginresponse"]["type"] == "0"
    assert "managementserverid" not in answer.json()["loginresponse"]


def test_sessions_end_by_logout_idleness_and_order_1_3(world, root):
    def is_alive(key):
        given = {"command": "listZones", "response": "json", "sessionkey": key}
        return root.http.get("/client/api", params=given).status_code == 200

    def key():
        return log_in(root.http).json()["loginresponse"]["sessionkey"]

    first = key()
    answer = root.http.get("/client/api", params={"command": "logout", "response": "json", "sessionkey": first})
    assert answer.json()["logoutresponse"]["description"] == "success"
    assert not is_alive(first)
    second = key()
    world.clock.advance(timedelta(minutes=31))
    assert not is_alive(second)
    third = key()
    assert is_alive(third)
    root.http.post("/_sandbox/sessions/end")
    assert not is_alive(third)


@pytest.mark.parametrize(
    "target",
    [
        "/client/api",
        "/client/api?command",
        "/client/api?command=",
        "/client/api?command=login",
        "/client/api?&&&=&command=listZones&apikey=%FF%FE&signature=%00",
        "/client/api?command=%00&response=json",
        "/client/api?command=listZones&apikey=a&signature=b&expires=%F0%9F%92%A3&signatureversion=3&response=json",
        "/client/api?command=listZones&response=json&" + "a=b&" * 5000,
    ],
)
def test_hostile_requests_get_documented_errors(root, target):
    response = root.http.get(target)

    assert response.status_code in (401, 405)
    assert "Traceback" not in response.text


def test_other_paths_are_not_served(root):
    assert root.http.get("/client").status_code == 404
    assert root.http.get("/").status_code == 404


def send_signed(client: httpx.Client, parameters, signature, method):
    sent = {**parameters, "signature": signature}
    if method == "GET":
        return client.get("/client/api", params=sent)
    return client.post("/client/api", data=sent)


def test_error_bodies_are_plain_json_even_for_odd_texts(root):
    response = root.send("listVPCs", id="☕\n\t")

    assert json.loads(response.content)["listvpcsresponse"]["errorcode"] == 431
    assert response.headers["X-Description"].isascii()
