"""Would this packet arrive? The sandbox's own model of the fabric's data plane, over what both systems really hold.

    world.would_pass(Packet(to="198.51.100.9", protocol="tcp", port=443, source="192.0.2.7"))        # from the internet
    world.would_pass(Packet(to="10.10.2.5", protocol="tcp", port=5432, instance=uuid))               # from a machine
    world.would_pass(Packet("10.10.2.5", "tcp", 5432, "10.20.1.9", router="swp7@Leaf-1/1200"))  # from behind a router
    curl localhost:8096/_sandbox/would-pass -d '{"instance": "web-1", "to": "10.10.2.5", "protocol": "icmp"}'

A packet is the first one of its connection. It walks from its source through V-Net, VPC, routes, access lists, NAT and
balancers, as they are now on Netris, to a machine as it is now in CloudStack. Nothing is remembered, nothing changed.
The answer is an `Outcome`:

- `arrives`: it gets to somebody who takes it; `ends` are the places where it may end up, several of them behind a
  balancer: address, port, `machine` (its uuid, blank for what is no machine of CloudStack's) and the `stop` before that
  one. `is_always` when none of them has a stop.
- `stopped_by`: what stopped it if it does not arrive: `what` is one of the words of `packet.Why`, `name` the object's.
- `is_delivered`: it reaches a machine, whether or not that one then refuses or answers. Who can only see the fabric
  (and no probe) compares with this.
- `doubts`: where no source says what a real fabric does and the answer rests on that. A comparison asks for nothing
  where there are doubts: `is_sure` is false. Beyond those, what the sheets mark as inferred is taken for true.
- `via`: the names of what it passed, for people.

From the sheet (netris-api.md): NAT and balancers 2.1, 2.4, 2.5; the order of access lists 2.6, as from 4.13 on, with
the site's default last; static routes 2.9; e-BGP 2.10;
peering 2.12; SoftGates and default routes 3.7; members' checks as in
`netris.overlay.members`. Decided where it is silent (unverified):

- A rule holds in its VPC for all that is routed there, before SNAT and behind DNAT; within a V-Net nothing is filtered.
  A rule of the System VPC sees public addresses. A balancer keeps the address of whoever comes.
- A tenant's router is reached while its session is up, for what it announces and the inbound list lets in: the default
  route, and the rest where it is tagged so that Netris takes it. It answers to what the outbound list lets out of the
  VPC's V-Nets and allocations. What lies behind it answers to everything.
- Two VPCs that are peered reach each other where both lists let the other's V-Net in; what a VPC learned of one peer or
  router it tells no other.
- Of rules that are equal in all that orders them and differ in action either may decide: a doubt. `all` stands with
  `ip`.
- A denying rule's mirror (`reverse`) denies: a doubt. `established` lets no first packet through.
- Whether a site that denies by default does so in the System VPC too is a doubt, and so is whatever turns back at a
  SoftGate to a public address of the site's own.
"""

from sandbox.packets.packet import End, Outcome, Packet, Stop, Why
from sandbox.packets.walk import would_pass

__all__ = ["End", "Outcome", "Packet", "Stop", "Why", "would_pass"]
