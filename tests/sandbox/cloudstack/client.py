"""A small CloudStack client for the tests of the emulator: signs, sends, unwraps. It knows nothing of the emulator."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

import httpx
import pytest


class Refused(Exception):  # noqa: N818 - the word of the API
    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body

    @property
    def text(self):
        return self.body["errortext"]


def refusal(command, *given, **parameters):
    with pytest.raises(Refused) as found:
        command(*given, **parameters)
    return found.value


def sign(parameters, secret):
    pairs = sorted((name, value) for name, value in parameters.items())
    text = "&".join(f"{name}={quote(value, safe='*-._').replace('~', '%7E')}" for name, value in pairs).lower()
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Caller:
    """`caller("createVPC", name="prod")` returns what stands in the envelope, or raises `Refused`."""

    def __init__(self, http, keys, account_view=None):
        self.http = http
        self.key, self.secret = keys
        self.account_view = account_view or {}

    def __call__(self, command, **parameters):
        response = self.send(command, **parameters)
        content = response.json()
        assert len(content) == 1
        (body,) = content.values()
        if response.status_code != 200:
            raise Refused(response.status_code, body)
        return body

    def send(self, command, **parameters):
        sent = {name: _text(value) for name, value in parameters.items() if value is not None}
        sent |= {"command": command, "response": "json", "apikey": self.key}
        sent["signature"] = sign(sent, self.secret)
        return self.http.get("/client/api", params=sent)

    def list(self, command, **parameters):
        body = self(command, **parameters)
        assert body == {} or "count" in body
        return next((value for name, value in body.items() if name != "count"), [])

    def job(self, command, **parameters):
        """Run an asynchronous command to its end: the job as queryAsyncJobResult shows it."""
        return self("queryAsyncJobResult", jobid=self(command, **parameters)["jobid"])

    def done(self, command, **parameters):
        job = self.job(command, **parameters)
        assert job["jobstatus"] == 1, job
        return job["jobresult"]

    # shortcuts for the reference zone

    @property
    def zone(self):
        return self.list("listZones")[0]["id"]

    def vpc(self, name="prod", *, cidr="10.10.0.0/16", mode="NAT", **more):
        offering = self.list("listVPCOfferings", name=f"{mode} Mode")[0]["id"]
        job = self.job("createVPC", name=name, cidr=cidr, zoneid=self.zone, vpcofferingid=offering, **more)
        assert job["jobstatus"] == 1, job
        return job["jobresult"]["vpc"]

    def tier(self, vpc, name="web", *, gateway="10.10.1.1", netmask="255.255.255.0", mode="NAT", **more):
        offering = self.list("listNetworkOfferings", name=f"Default{mode}NetrisNetworkOfferingForVpc")[0]["id"]
        given = {"vpcid": vpc["id"], "networkofferingid": offering, "gateway": gateway, "netmask": netmask}
        return self("createNetwork", name=name, zoneid=self.zone, **given, **more)["network"]

    def machine(self, tier, name="web-1", **more):
        given = {
            "serviceofferingid": self.list("listServiceOfferings")[0]["id"],
            "templateid": self.list("listTemplates", templatefilter="executable")[0]["id"],
            "networkids": tier["id"],
        }
        return self.done("deployVirtualMachine", name=name, zoneid=self.zone, **given, **more)["virtualmachine"]

    def public_ip(self, vpc_id):
        """An address of the Netris range for the VPC."""
        free = self.list("listPublicIpAddresses", state="Free", forprovider="true")[0]["ipaddress"]
        return self.done("associateIpAddress", vpcid=vpc_id, ipaddress=free)["ipaddress"]

    def domain(self, name="acme", **more):
        return self("createDomain", name=name, **more)["domain"]

    def account(self, name, domain, accounttype=0):
        """A caller of its own: account, user and keys."""
        made = self(
            "createAccount",
            account=name,
            username=f"{name}-user",
            password="secret",
            firstname=name,
            lastname="Tester",
            email=f"{name}@example.net",
            accounttype=accounttype,
            domainid=domain["id"],
        )["account"]
        keys = self("registerUserKeys", id=made["user"][0]["id"])["userkeys"]
        return Caller(self.http, (keys["apikey"], keys["secretkey"]), made)


def client_of(world):
    return httpx.Client(transport=world.cloudstack_transport(), base_url="http://cloudstack.test")


def root_of(world):
    keys = world.cloudstack.cloud.table("user").find(username="admin")
    return Caller(client_of(world), (keys["apikey"], keys["secretkey"]))


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value)
