"""Who gets what at every address of Weft. A route that is missing from the table fails the suite, with its name.

A tenant's pages exist for its members alone, the platform's for its admins; the API's for whoever has a token. What is
another tenant's answers as if it had never been. Live updates (`/events/`) are served before Django and stand in
tests/portal/test_events.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from apps.acls.models import Acl, TierAcl
from apps.addresses.models import PortForward, PublicIp, StaticNat
from apps.balancers.models import Balancer, Member
from apps.networks.models import Tier, Vpc
from apps.operations.models import Operation
from apps.peering.models import Peering
from apps.tenancy.models import ApiToken, AuditEntry, Invitation, Membership, Role, Scope, Tenant, User
from tests import builders, thrift

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

pytestmark = pytest.mark.django_db

#: Statuses without a body in the request: 302 where that does something, 422 where something is missing. "login" is the
#: way to the sign-in page, "open" an answer that is the same for everybody. `of` is the thing of acme's in the address.
#: An owner may what an engineer may; where owners get more, a last column says so.
#: The stranger is a member of globex, and asks for acme's pages and things.
TABLE = """
method view                        of         anonymous  stranger  viewer  engineer  admin  owner

GET    networks:overview           tenant     login      404       200     200       404
GET    networks:glossary           tenant     login      404       200     200       404
GET    networks:vpc_list           tenant     login      404       200     200       404
GET    networks:vpc_create         tenant     login      404       403     200       404
POST   networks:vpc_create         tenant     login      404       403     422       404
GET    networks:vpc_map            tenant     login      404       403     200       404
GET    networks:vpc_detail         vpc        login      404       200     200       404
GET    networks:vpc_tiers          vpc        login      404       200     200       404
GET    networks:vpc_activity       vpc        login      404       200     200       404
GET    addresses:of_vpc            vpc        login      404       200     200       404
GET    acls:of_vpc                 vpc        login      404       200     200       404
GET    networks:vpc_rename         vpc        login      404       403     200       404
POST   networks:vpc_rename         vpc        login      404       403     200       404
GET    networks:vpc_delete         vpc        login      404       403     200       404
POST   networks:vpc_delete         vpc        login      404       403     200       404
GET    networks:tier_create        vpc        login      404       403     200       404
POST   networks:tier_create        vpc        login      404       403     200       404
GET    networks:tier_rename        tier       login      404       403     200       404
POST   networks:tier_rename        tier       login      404       403     200       404
GET    routes:of_vpc              vpc        login      404       200     200       404
GET    routes:create              vpc        login      404       403     200       404
POST   routes:create              vpc        login      404       403     422       404
GET    routes:delete              route      login      404       403     200       404
POST   routes:delete              route      login      404       403     302       404
POST   routes:apply               route      login      404       403     302       404
GET    networks:tier_delete        tier       login      404       403     200       404
POST   networks:tier_delete        tier       login      404       403     302       404
GET    reachability:ask            tenant     login      404       200     200       404
GET    acls:list                   tenant     login      404       200     200       404
GET    acls:create                 tenant     login      404       403     200       404
POST   acls:create                 tenant     login      404       403     200       404
GET    acls:detail                 acl        login      404       200     200       404
GET    acls:edit                   acl        login      404       403     200       404
POST   acls:edit                   acl        login      404       403     409       404
GET    acls:import                 acl        login      404       403     200       404
POST   acls:import                 acl        login      404       403     422       404
GET    acls:sheet                  acl        login      404       200     200       404
GET    acls:rename                 acl        login      404       403     200       404
POST   acls:rename                 acl        login      404       403     200       404
GET    acls:delete                 acl        login      404       403     200       404
POST   acls:delete                 acl        login      404       403     302       404
GET    acls:tier                   tier       login      404       200     200       404
POST   acls:tier                   tier       login      404       403     422       404
POST   acls:tier_again             tier       login      404       403     302       404
POST   acls:tier_off               tier       login      404       403     302       404
GET    instances:list              tenant     login      404       200     200       404
GET    instances:choices           tenant     login      404       200     200       404
GET    instances:detail            instance   login      404       200     200       404
GET    addresses:list              tenant     login      404       200     200       404
GET    addresses:create            tenant     login      404       403     200       404
POST   addresses:create            tenant     login      404       403     422       404
GET    addresses:choices           tenant     login      404       200     200       404
GET    addresses:detail            publicip   login      404       200     200       404
GET    addresses:edit              publicip   login      404       403     200       404
POST   addresses:edit              publicip   login      404       403     302       404
GET    addresses:release           publicip   login      404       403     200       404
POST   addresses:release           publicip   login      404       403     302       404
GET    nat:static_nat_list         tenant     login      404       200     200       404
GET    nat:static_nat_create       tenant     login      404       403     200       404
POST   nat:static_nat_create       tenant     login      404       403     422       404
GET    nat:static_nat_delete       staticnat  login      404       403     200       404
POST   nat:static_nat_delete       staticnat  login      404       403     302       404
POST   nat:static_nat_apply        staticnat  login      404       403     302       404
GET    nat:port_forward_list       tenant     login      404       200     200       404
GET    nat:port_forward_create     tenant     login      404       403     200       404
POST   nat:port_forward_create     tenant     login      404       403     422       404
GET    nat:port_forward_delete     forward    login      404       403     200       404
POST   nat:port_forward_delete     forward    login      404       403     302       404
POST   nat:port_forward_apply      forward    login      404       403     302       404
POST   nat:port_forward_switch     forward    login      404       403     302       404
GET    balancers:of_vpc            vpc        login      404       200     200       404
GET    balancers:list              tenant     login      404       200     200       404
GET    balancers:create            tenant     login      404       403     200       404
POST   balancers:create            tenant     login      404       403     422       404
GET    balancers:detail            balancer   login      404       200     200       404
GET    balancers:rename            balancer   login      404       403     200       404
POST   balancers:rename            balancer   login      404       403     422       404
GET    balancers:edit              balancer   login      404       403     200       404
POST   balancers:edit              balancer   login      404       403     422       404
GET    balancers:replace           balancer   login      404       403     200       404
POST   balancers:replace           balancer   login      404       403     422       404
POST   balancers:apply             balancer   login      404       403     302       404
GET    balancers:delete            balancer   login      404       403     200       404
POST   balancers:delete            balancer   login      404       403     302       404
GET    balancers:add_members       balancer   login      404       403     200       404
POST   balancers:add_members       balancer   login      404       403     422       404
POST   balancers:drain             lbmember   login      404       403     302       404
GET    balancers:remove_member     lbmember   login      404       403     200       404
POST   balancers:remove_member     lbmember   login      404       403     302       404
GET    directconnect:connection_list    tenant     login 404  200     200       404
GET    directconnect:connection_create  tenant     login 404  403     200       404
POST   directconnect:connection_create  tenant     login 404  403     422       404
GET    directconnect:connection_detail  connection login 404  200     200       404
GET    directconnect:connection_edit    connection login 404  403     200       404
POST   directconnect:connection_edit    connection login 404  403     422       404
GET    directconnect:connection_rename  connection login 404  403     200       404
POST   directconnect:connection_rename  connection login 404  403     422       404
POST   directconnect:connection_move    connection login 404  403     302       404
GET    directconnect:connection_suspend connection login 404  403     200       404
POST   directconnect:connection_suspend connection login 404  403     422       404
GET    directconnect:connection_close   connection login 404  403     200       404
POST   directconnect:connection_close   connection login 404  403     422       404
GET    directconnect:connection_loa     connection login 404  404     404       404
GET    directconnect:interface_create   carrying   login 404  403     200       404
POST   directconnect:interface_create   carrying   login 404  403     422       404
GET    directconnect:interface_detail   interface  login 404  200     200       404
GET    directconnect:interface_edit     interface  login 404  403     200       404
POST   directconnect:interface_edit     interface  login 404  403     422       404
GET    directconnect:interface_rename   interface  login 404  403     200       404
POST   directconnect:interface_rename   interface  login 404  403     422       404
GET    directconnect:interface_config   interface  login 404  200     200       404
GET    directconnect:interface_key      interface  login 404  403     200       404
POST   directconnect:interface_key      interface  login 404  403     200       404
GET    directconnect:interface_test     interface  login 404  403     200       404
POST   directconnect:interface_test     interface  login 404  403     302       404
POST   directconnect:interface_test_end interface  login 404  403     302       404
POST   directconnect:interface_apply    interface  login 404  403     302       404
GET    directconnect:interface_delete   interface  login 404  403     200       404
POST   directconnect:interface_delete   interface  login 404  403     302       404
GET    directconnect:of_vpc             vpc        login 404  200     200       404
GET    peering:list                tenant     login      404       200     200       404
GET    peering:create              tenant     login      404       403     200       404
POST   peering:create              tenant     login      404       403     422       404
POST   peering:take_requests       tenant     login      404       403     302       404
GET    peering:detail              peering    login      404       200     200       404
GET    peering:accept              peering    login      404       403     200       404
POST   peering:accept              peering    login      404       403     422       404
POST   peering:reject              peering    login      404       403     302       404
GET    peering:edit                peering    login      404       403     200       404
POST   peering:edit                peering    login      404       403     302       404
POST   peering:apply               peering    login      404       403     302       404
GET    peering:revoke              peering    login      404       403     200       404
POST   peering:revoke              peering    login      404       403     302       404
GET    operations:list             tenant     login      404       200     200       404
GET    operations:changes          tenant     login      404       200     200       404
GET    operations:detail           operation  login      404       200     200       404
POST   operations:cancel           operation  login      404       403     302       404
POST   operations:retry            operation  login      404       403     302       404
POST   operations:apply            operation  login      404       403     302       404
POST   operations:retry_stuck      tenant     login      404       403     302       404

GET    tenant-session              tenant     login      404       204     204       404
GET    quotas:list                 tenant     login      404       200     200       404
GET    quotas:request_create       tenant     login      404       403     200       404
POST   quotas:request_create       tenant     login      404       403     422       404
POST   quotas:request_withdraw     quotarequest login    404       403     302       404
GET    members                     tenant     login      404       200     200       404
GET    member-create               tenant     login      404       403     403       404    200
POST   member-create               tenant     login      404       403     403       404    422
GET    member-role                 member     login      404       403     403       404    200
POST   member-role                 member     login      404       403     403       404    422
GET    member-remove               member     login      404       403     403       404    200
GET    member-leave                tenant     login      404       200     200       404
POST   member-leave                tenant     login      404       302     302       404
POST   member-remove               member     login      404       403     403       404    302
POST   invitation-withdraw         invitation  login     404       403     403       404    302
GET    tokens                      tenant     login      404       200     200       404
GET    token-create                tenant     login      404       200     200       404
POST   token-create                tenant     login      404       422     422       404
GET    token-revoke                token      login      404       404     404       404    200
POST   token-revoke                token      login      404       404     404       404    302

GET    accounts:tenant_list        -          login      404       404     404       200
GET    accounts:tenant_create      -          login      404       404     404       200
POST   accounts:tenant_create      -          login      404       404     404       200
GET    accounts:tenant_detail      slug       login      404       404     404       200
POST   operations:dismiss          operation  login      404       403     302       404
GET    accounts:tenant_quotas      slug       login      404       404     404       200
POST   accounts:tenant_quotas      slug       login      404       404     404       302
GET    accounts:tenant_invite      slug       login      404       404     404       200
POST   accounts:tenant_invite      slug       login      404       404     404       422
GET    accounts:tenant_disable     slug       login      404       404     404       200
POST   accounts:tenant_disable     slug       login      404       404     404       302
POST   accounts:tenant_enable      slug       login      404       404     404       302
GET    approvals                   -          login      404       404     404       200
POST   approvals                   -          login      404       404     404       422
GET    directconnect:location_list  -         login      404       404     404       200
GET    directconnect:location_create  -       login      404       404     404       200
POST   directconnect:location_create  -       login      404       404     404       422
GET    directconnect:location_detail  dclocation  login  404       404     404       200
GET    directconnect:location_edit  dclocation  login    404       404     404       200
POST   directconnect:location_edit  dclocation  login    404       404     404       422
GET    directconnect:location_delete  dclocation  login  404       404     404       200
POST   directconnect:location_delete  dclocation  login  404       404     404       422
GET    directconnect:port_add      dclocation  login     404       404     404       200
POST   directconnect:port_add      dclocation  login     404       404     404       422
GET    directconnect:port_choices  -          login      404       404     404       404
GET    directconnect:port_remove   dcport     login      404       404     404       200
POST   directconnect:port_remove   dcport     login      404       404     404       422
GET    directconnect:platform_list  -         login      404       404     404       200
GET    directconnect:platform_detail  connection  login  404       404     404       200
GET    directconnect:platform_move  connection  login    404       404     404       404
POST   directconnect:platform_move  connection  login    404       404     404       404
GET    directconnect:platform_loa  connection  login     404       404     404       404
GET    people                      -          login      404       404     404       200
GET    person-disable              person     login      404       404     404       200
POST   person-disable              person     login      404       404     404       302
POST   person-password             person     login      404       404     404       200
POST   person-enable               person     login      404       404     404       302
GET    platform-tokens             -          login      404       404     404       200
GET    platform-token-create       -          login      404       404     404       200
POST   platform-token-create       -          login      404       404     404       422
GET    platform-token-revoke       platform_token  login  404      404     404       200
POST   platform-token-revoke       platform_token  login  404      404     404       302
GET    operations:platform_list    -          login      404       404     404       200
GET    operations:platform_detail  operation  login      404       404     404       200
POST   operations:platform_cancel  operation  login      404       404     404       302
POST   operations:platform_retry   operation  login      404       404     404       302
POST   operations:platform_apply   operation  login      404       404     404       302
POST   operations:platform_retry_stuck  -     login      404       404     404       302
GET    operations:platform_give_up  operation  login     404       404     404       200
POST   operations:platform_give_up  operation  login     404       404     404       422
GET    fabric:topology             -          login      404       404     404       200
GET    fabric:topology_table       -          login      404       404     404       200
GET    fabric:topology_svg         -          login      404       404     404       200
GET    fabric:topology_dot         -          login      404       404     404       200
GET    fabric:device_list          -          login      404       404     404       200
GET    fabric:device_detail        device     login      404       404     404       200
GET    fabric:link_list            -          login      404       404     404       200
GET    fabric:link_detail          link       login      404       404     404       200
GET    fabric:session_list         -          login      404       404     404       200
GET    fabric:device_sheet         -          login      404       404     404       200
GET    fabric:link_sheet           -          login      404       404     404       200
GET    fabric:session_sheet        -          login      404       404     404       200
GET    fabric:port_sheet           -          login      404       404     404       200
GET    fabric:site_sheet           -          login      404       404     404       200
GET    fabric:subnet_sheet         -          login      404       404     404       200
GET    fabric:port_list            -          login      404       404     404       200
GET    fabric:site_list            -          login      404       404     404       200
GET    fabric:subnet_list          -          login      404       404     404       200
GET    history:events              -          login      404       404     404       200
GET    history:event               event      login      404       404     404       200
GET    history:past                past       login      404       404     404       200
GET    history:findings            -          login      404       404     404       200
GET    vnis:range_list             -          login      404       404     404       200
GET    vnis:range_detail           vnirange   login      404       404     404       200
GET    vnis:vni_list               -          login      404       404     404       200
GET    vnis:vni_detail             vni        login      404       404     404       200
GET    overview:fabric             -          login      404       404     404       200
GET    search:everything           -          login      404       404     404       200
GET    ipam:create                 -          login      404       404     404       200
POST   ipam:create                 -          login      404       404     404       422
GET    ipam:detail                 block      login      404       404     404       200
GET    ipam:change                 block      login      404       404     404       200
POST   ipam:change                 block      login      404       404     404       422
GET    ipam:delete                 block      login      404       404     404       200
POST   ipam:delete                 block      login      404       404     404       422
GET    sites:create                -          login      404       404     404       200
POST   sites:create                -          login      404       404     404       422
GET    sites:detail                site       login      404       404     404       200
GET    sites:change                site       login      404       404     404       200
POST   sites:change                site       login      404       404     404       422
GET    sites:delete                site       login      404       404     404       200
POST   sites:delete                site       login      404       404     404       422
GET    imports:list                -          login      404       404     404       200
GET    imports:create              -          login      404       404     404       200
POST   imports:create              -          login      404       404     404       422
GET    imports:detail              import     login      404       404     404       200
POST   imports:send                import     login      404       404     404       302
POST   imports:stop                import     login      404       404     404       302
GET    inventory:device_create     -          login      404       404     404       200
POST   inventory:device_create     -          login      404       404     404       422
GET    inventory:device_change     device     login      404       404     404       200
POST   inventory:device_change     device     login      404       404     404       200
GET    inventory:device_delete     device     login      404       404     404       200
POST   inventory:device_delete     device     login      404       404     404       422
GET    inventory:link_create       -          login      404       404     404       200
POST   inventory:link_create       -          login      404       404     404       422
GET    inventory:link_change       link       login      404       404     404       200
POST   inventory:link_change       link       login      404       404     404       200
GET    inventory:link_delete       link       login      404       404     404       200
POST   inventory:link_delete       link       login      404       404     404       422
GET    inventory:port_choices      -          login      404       404     404       404
GET    inventory:port_change       port       login      404       404     404       200
POST   inventory:port_change       port       login      404       404     404       200
GET    softgates:list              -          login      404       404     404       200
GET    softgates:detail            gate       login      404       404     404       200
GET    softgates:maintenance       gate       login      404       404     404       200
POST   softgates:maintenance       gate       login      404       404     404       302
GET    fabric:glossary             -          login      404       404     404       200
GET    zones:list                  -          login      404       404     404       200
GET    zones:create                -          login      404       404     404       200
POST   zones:create                -          login      404       404     404       422
GET    zones:trial                 trial      login      404       404     404       200
POST   zones:trial                 trial      login      404       404     404       422
GET    zones:connection            zone       login      404       404     404       200
POST   zones:connection            zone       login      404       404     404       422
GET    zones:settings              zone       login      404       404     404       200
POST   zones:settings              zone       login      404       404     404       422
GET    zones:disable               zone       login      404       404     404       200
POST   zones:disable               zone       login      404       404     404       302
POST   zones:enable                zone       login      404       404     404       302
GET    zones:reconnect             zone       login      404       404     404       200
POST   zones:reconnect             zone       login      404       404     404       302

GET    addresses:pools             -          login      404       404     404       200
POST   addresses:end_rest          publicip   login      404       404     404       302
GET    addresses:quarantine        zone       login      404       404     404       200
POST   addresses:quarantine        zone       login      404       404     404       422
GET    strays:list                 -          login      404       404     404       200
GET    strays:remove               stray      login      404       404     404       200
POST   strays:remove               stray      login      404       404     404       422
GET    strays:adopt                stray      login      404       404     404       200
POST   strays:adopt                stray      login      404       404     404       422
GET    health:health               -          login      404       404     404       200

GET    home                        -          login      302       302     302       302
GET    login                       -          200        302       302     302       302
POST   login                       -          200        302       302     302       302
GET    new-password                -          200        200       200     200       200
POST   new-password                -          422        422       422     422       422
POST   new-password-set            -          422        422       422     422       422
GET    join                        -          200        200       200     200       200
POST   join                        -          422        422       422     422       422
POST   join-new                    -          422        422       422     422       422
POST   join-known                  -          422        422       422     422       422
GET    account                     -          login      200       200     200       200
GET    password                    -          login      200       200     200       200
POST   password                    -          login      422       422     422       422
POST   end-sessions                -          login      302       302     302       302
POST   logout                      -          302        302       302     302       302
GET    session                     -          login      204       204     204       204
POST   switch-tenant               -          login      404       404     404       404
GET    into-tenant                 rest       login      302       302     302       404
GET    healthz                     -          open       open      open    open      open
GET    readyz                      -          open       open      open    open      open

GET    api:schema                  -          200        200       200     200       200
GET    api:docs                    -          200        200       200     200       200
GET    api:NoSuchAddress           -          404        404       404     404       404
GET    api:zones                   -          401        200       200     200       200
POST   api:zones                   -          401        403       403     403       422
GET    api:zone                    zone       401        200       200     200       200
PATCH  api:zone                    zone       401        403       403     403       200
POST   api:zone-disable            zone       401        403       403     403       200
POST   api:zone-enable             zone       401        403       403     403       200
POST   api:zone-trials             -          401        403       403     403       422
GET    api:zone-trial              trial      401        404       404     404       200
GET    api:zone-reconnect          zone       401        403       403     403       200
POST   api:zone-reconnect          zone       401        403       403     403       202
GET    api:tenants                 -          401        200       200     200       200
POST   api:tenants                 -          401        403       403     403       422
GET    api:tenant                  tenant_id  401        404       200     200       200
PATCH  api:tenant                  tenant_id  401        403       403     403       200
POST   api:tenant-disable          tenant_id  401        403       403     403       200
POST   api:tenant-enable           tenant_id  401        403       403     403       200
GET    api:members                 -          401        200       200     200       200
GET    api:member                  member     401        404       200     200       200
PATCH  api:member                  member     401        403       403     403       403    422
DELETE api:member                  member     401        403       403     403       403    204
DELETE api:member-own              -          401        422       403     422       403    204
GET    api:invitations             -          401        200       200     200       200
POST   api:invitations             -          401        403       403     403       422    422
GET    api:invitation              invitation  401       404       404     404       200    200
DELETE api:invitation              invitation  401       403       403     403       204    204
GET    api:tokens                  -          401        200       200     200       200
POST   api:tokens                  -          401        422       403     422       422
GET    api:token                   token      401        404       404     404       200    200
DELETE api:token                   token      401        404       403     404       204    204
GET    api:people                  -          401        404       404     404       200
GET    api:person                  person     401        404       404     404       200
POST   api:person-disable          person     401        403       403     403       200
POST   api:person-password-link    person     401        403       403     403       201
POST   api:person-enable           person     401        403       403     403       200
GET    api:network-health          -          401        200       200     200       422
GET    api:attention               -          401        200       200     200       422
GET    api:vpcs                    -          401        200       200     200       200
POST   api:vpcs                    -          401        422       403     422       403
GET    api:vpc                     vpc        401        404       200     200       200
PATCH  api:vpc                     vpc        401        404       403     200       403
DELETE api:vpc                     vpc        401        404       403     202       403
GET    api:vpc-agreement           vpc        401        404       200     200       200
GET    api:vpc-routes              vpc        401        404       200     200       200
GET    api:staticroutes            -          401        200       200     200       200
POST   api:staticroutes            -          401        422       403     422       403
GET    api:staticroute             route      401        404       200     200       200
DELETE api:staticroute             route      401        404       403     202       403
POST   api:staticroute-apply       route      401        404       403     202       403
GET    api:peerings            -          401        200       200     200       200
POST   api:peerings            -          401        422       403     422       403
GET    api:peering-settings    -          401        200       200     200       403
PATCH  api:peering-settings    -          401        200       403     200       403
GET    api:peering             peering    401        404       200     200       200
PATCH  api:peering             peering    401        404       403     200       403
POST   api:peering-accept      peering    401        404       403     422       403
POST   api:peering-reject      peering    401        404       403     422       403
POST   api:peering-revoke      peering    401        404       403     202       403
POST   api:peering-apply       peering    401        404       403     202       403
GET    api:peering-preview     peering    401        404       200     200       200
GET    api:locations           -          401        200       200     200       200
POST   api:locations           -          401        403       403     403       422
GET    api:location            dclocation 401        200       200     200       200
PATCH  api:location            dclocation 401        403       403     403       200
DELETE api:location            dclocation 401        403       403     403       409
POST   api:location-ports      dclocation 401        403       403     403       422
DELETE api:location-port       dcport     401        403       403     403       409
GET    api:connections         -          401        200       200     200       200
POST   api:connections         -          401        422       403     422       403
GET    api:connection          connection 401        404       200     200       200
PATCH  api:connection          connection 401        404       403     200       403
POST   api:connection-transition connection 401      404       403     422       422
GET    api:connection-loa      connection 401        404       404     404       404
GET    api:connection-router-config carrying 401     404       422     422     422
GET    api:connection-checks   carrying   401        404       200     200       200
GET    api:connection-routes   carrying   401        404       200     200       200
GET    api:interfaces          carrying   401        404       200     200       200
POST   api:interfaces          carrying   401        404       403     422       403
GET    api:interface           interface  401        404       200     200       200
PATCH  api:interface           interface  401        404       403     200       403
DELETE api:interface           interface  401        404       403     202       403
POST   api:interface-apply     interface  401        404       403     202       403
POST   api:interface-test      interface  401        404       403     202       403
POST   api:interface-test-end  interface  401        404       403     409       403
POST   api:interface-md5       interface  401        404       403     200       403
GET    api:approvals           -          401        404       404     404       200
POST   api:approval-decide     connection 401        403       403     403       422
GET    api:balancers           -          401        200       200     200       200
POST   api:balancers           -          401        422       403     422       403
GET    api:balancer            balancer   401        404       200     200       200
PATCH  api:balancer            balancer   401        404       403     200       403
DELETE api:balancer            balancer   401        404       403     202       403
POST   api:balancer-apply      balancer   401        404       403     202       403
POST   api:balancer-members    balancer   401        404       403     422       403
PATCH  api:balancer-member     lbmember   401        404       403     200       403
DELETE api:balancer-member     lbmember   401        404       403     202       403
GET    api:quotas                  -          401        200       200     200       200
GET    api:quota                   tenant_id  401        404       200     200       200
GET    api:quota-requests          -          401        200       200     200       200
POST   api:quota-requests          -          401        422       403     422       403
GET    api:quota-request           quotarequest 401      404       200     200       200
POST   api:quota-request-withdraw  quotarequest 401      404       403     200       403
GET    api:tiers                   -          401        200       200     200       200
POST   api:tiers                   -          401        422       403     422       403
GET    api:tier                    tier       401        404       200     200       200
PATCH  api:tier                    tier       401        404       403     200       403
DELETE api:tier                    tier       401        404       403     202       403
POST   api:reachability            -          401        422       422     422       403
GET    api:acls                    -          401        200       200     200       200
POST   api:acls                    -          401        422       403     422       403
GET    api:acl                     acl        401        404       200     200       200
PATCH  api:acl                     acl        401        404       403     200       403
DELETE api:acl                     acl        401        404       403     202       403
GET    api:acl-rules               acl        401        404       200     200       200
PUT    api:acl-rules               acl        401        404       403     422       403
POST   api:acl-evaluate            acl        401        404       422     422       422
GET    api:tier-rules              tier       401        404       422     422       422
POST   api:tier-apply-acl          tier       401        404       403     422       403
GET    api:instances               -          401        200       200     200       200
GET    api:instance                instance   401        404       200     200       200
GET    api:publicips               -          401        200       200     200       200
POST   api:publicips               -          401        422       403     422       403
GET    api:publicip                publicip   401        404       200     200       200
PATCH  api:publicip                publicip   401        404       403     200       403
DELETE api:publicip                publicip   401        404       403     202       403
GET    api:address-holders         -          401        404       404     404       200
GET    api:address-pools           -          401        404       404     404       200
GET    api:address-pool            zone       401        404       404     404       200
PATCH  api:address-pool            zone       401        403       403     403       200
GET    api:staticnats              -          401        200       200     200       200
POST   api:staticnats              -          401        422       403     422       403
GET    api:staticnat               staticnat  401        404       200     200       200
DELETE api:staticnat               staticnat  401        404       403     202       403
POST   api:staticnat-apply         staticnat  401        404       403     202       403
GET    api:portforwards            -          401        200       200     200       200
POST   api:portforwards            -          401        422       403     422       403
GET    api:portforward             forward    401        404       200     200       200
PATCH  api:portforward             forward    401        404       403     200       403
DELETE api:portforward             forward    401        404       403     202       403
POST   api:portforward-apply       forward    401        404       403     202       403
GET    api:fabric-devices          -          401        404       404     404       200
GET    api:fabric-device           fabdevice  401        404       404     404       200
POST   api:fabric-devices          -          401        403       403     403       422
GET    api:fabric-suggestion       -          401        404       404     404       422
PATCH  api:fabric-device           fabdevice  401        403       403     403       422
DELETE api:fabric-device           fabdevice  401        403       403     403       422
GET    api:fabric-links            -          401        404       404     404       200
GET    api:fabric-link             fablink    401        404       404     404       200
POST   api:fabric-links            -          401        403       403     403       422
PATCH  api:fabric-link             fablink    401        403       403     403       422
DELETE api:fabric-link             fablink    401        403       403     403       422
GET    api:fabric-sessions         -          401        404       404     404       200
GET    api:fabric-session          fabsession 401        404       404     404       200
GET    api:fabric-ports            -          401        404       404     404       200
GET    api:fabric-port             fabport    401        404       404     404       200
PATCH  api:fabric-port             fabport    401        403       403     403       422
GET    api:fabric-subnets          -          401        404       404     404       200
GET    api:fabric-subnet           fabsubnet  401        404       404     404       200
POST   api:fabric-subnets          -          401        403       403     403       422
PATCH  api:fabric-subnet           fabsubnet  401        403       403     403       422
DELETE api:fabric-subnet           fabsubnet  401        403       403     403       422
GET    api:fabric-sites            -          401        404       404     404       200
GET    api:fabric-site             fabsite    401        404       404     404       200
POST   api:fabric-sites            -          401        403       403     403       422
PATCH  api:fabric-site             fabsite    401        403       403     403       422
DELETE api:fabric-site             fabsite    401        403       403     403       422
GET    api:fabric-topology         -          401        404       404     404       200
GET    api:fabric-events           -          401        404       404     404       200
GET    api:fabric-event            event      401        404       404     404       200
GET    api:fabric-imports          -          401        404       404     404       200
POST   api:fabric-imports          -          401        403       403     403       422
GET    api:fabric-import           import     401        404       404     404       200
GET    api:fabric-import-rows      import     401        404       404     404       200
POST   api:fabric-import-send      import     401        403       403     403       200
POST   api:fabric-import-stop      import     401        403       403     403       409
GET    api:fabric-findings         -          401        404       404     404       200
GET    api:fabric-series           -          401        404       404     404       200
GET    api:fabric-series-one       series     401        404       404     404       200
GET    api:fabric-overview         -          401        404       404     404       200
GET    api:fabric-search           -          401        404       404     404       422
GET    api:fabric-softgates        -          401        404       404     404       200
GET    api:fabric-softgate         gate       401        404       404     404       200
POST   api:maintenance             gate       401        403       403     403       422
GET    api:fabric-blast-radius     gate       401        404       404     404       200
GET    api:strays                  -          401        404       404     404       200
GET    api:fabric-vni-ranges       -          401        404       404     404       200
GET    api:fabric-vni-range        vnirange   401        404       404     404       200
GET    api:fabric-vnis             -          401        404       404     404       200
GET    api:stray                   stray      401        404       404     404       200
POST   api:stray-remove            stray      401        403       403     403       422
POST   api:stray-adopt             stray      401        403       403     403       422
GET    api:health                  -          401        404       404     404       200
GET    api:operations              -          401        200       200     200       200
GET    api:operation               operation  401        404       200     200       200
POST   api:operation-cancel        operation  401        404       403     202       202
POST   api:operation-retry         operation  401        404       403     422       422
POST   api:operation-apply         operation  401        404       403     422       422
POST   api:operations-retry-stuck  -          401        200       403     200       200
POST   api:operation-dismiss       operation  401        404       403     409       403
GET    api:operation-give-up       operation  401        404       200     200       200
POST   api:operation-give-up       operation  401        403       403     403       422
"""
CALLERS = ("anonymous", "stranger", "viewer", "engineer", "admin", "owner")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Row(NamedTuple):
    method: str
    view: str
    of: str
    answers: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.method} {self.view}"

    def path(self, ids: dict[str, Any], tenant: str = "acme") -> str:
        """The address, with the things of `ids` in it."""
        if self.view == "api:NoSuchAddress":
            return "/api/v1/no/such/address/"
        kwargs: dict[str, Any] = {"tenant_slug": tenant} if self.view in TENANT_VIEWS else {}
        if self.of == "lbmember":
            kwargs |= {"pk": ids["balancer"], "member": ids["lbmember"]}
        elif self.of == "interface":
            kwargs |= {"pk": ids["carrying"], "interface": ids["interface"]}
        elif self.view == "api:location-port":
            kwargs |= {"pk": ids["dclocation"], "port": ids["dcport"]}
        elif self.of in ("device", "link", "port", "block", "site"):  # called by a zone and by what Netris calls it
            zone, _, remote_id = str(ids[self.of]).partition("/")
            kwargs |= {"zone": zone, "remote_id": remote_id or "none"}
        elif self.of == "vni":
            kwargs |= {"zone": ids["vni"], "vni": 1_000_000}
        elif self.of == "past":  # of a thing, by its zone, its kind and its id
            kwargs |= dict(zip(("zone", "kind", "subject"), f"{ids[self.of]}/x/none".split("/"), strict=False))
        elif self.of in ids:
            kwargs["pk"] = ids[self.of]
        elif self.of == "slug":
            kwargs["slug"] = tenant
        elif self.of == "rest":
            kwargs["rest"] = f"vpcs/{ids['vpc']}/"
        return reverse(self.view, kwargs=kwargs)


def rows() -> Iterator[Row]:
    for line in TABLE.strip().splitlines()[1:]:
        if line.strip():
            method, view, of, *answers = line.split()
            yield Row(method, view, of, dict(zip(CALLERS[: max(len(answers), len(CALLERS) - 1)], answers, strict=True)))


def routes(patterns: Any = None, spaces: tuple[str, ...] = (), prefix: str = "") -> Iterator[tuple[str, str]]:
    """The name of every route with its pattern. The API's last resort has no name, but a view."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        path = f"{prefix}{one.pattern}"
        if isinstance(one, URLPattern):
            view = getattr(one.callback, "cls", one.callback)
            yield ":".join((*spaces, one.name or view.__name__)), path
        else:
            yield from routes(one.url_patterns, (*spaces, one.namespace) if one.namespace else spaces, path)


ROWS = list(rows())
TENANT_VIEWS = {name for name, path in routes() if "<slug:tenant_slug>" in path}
#: Those whose address names something of acme's.
OWNED = [row for row in ROWS if row.of not in ("-", "zone", "dclocation", "dcport")]

STEP = {"title": "Create", "state": "waiting", "started_at": None, "finished_at": None, "detail": ""}

Ids = dict[str, Any]
Call = Callable[..., Any]


class Shared(NamedTuple):
    """What all tests of this module start from: each puts back what it writes itself."""

    acme: Tenant
    globex: Tenant
    ids: Ids
    #: Who asks, and the cookies of those who are signed in.
    people: dict[str, User]
    cookies: dict[str, SimpleCookie]
    before: list[Any]


@pytest.fixture(scope="module")
def shared(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Shared]:
    with django_db_blocker.unblock(), thrift.kept():
        acme, globex = builders.a_tenant("Acme"), builders.a_tenant("Globex")
        ids = whatever_there_is(acme, globex)
        people = {
            "admin": builders.a_platform_admin(),
            "stranger": builders.a_member(globex),
            **{role.value: builders.a_member(acme, role) for role in Role},
        }
        yield Shared(acme, globex, ids, people, {who: signed_in(user) for who, user in people.items()}, everything())


def whatever_there_is(acme: Tenant, globex: Tenant) -> Ids:
    """A VPC, a tier and an operation of acme's. Nothing is in the way of any change to them."""
    zone = builders.a_zone()
    account, _ = (builders.an_account(tenant, zone) for tenant in (acme, globex))
    vpc, lab = builders.a_vpc(acme, zone), builders.a_vpc(acme, zone, "lab")
    tier = builders.a_tier(vpc)
    what = {"kind": "vpc", "goal": "present", "resource_type": "vpc", "resource_id": lab.pk, "resource_name": "lab"}
    operation = Operation.unscoped.create(
        tenant=acme, zone=zone, **what, lock_key=lab.lane, requested_by="ann", size=1, steps=[STEP]
    )
    balancer = builders.a_balancer(builders.a_public_ip(vpc, "198.51.100.42"), tier, members=2)
    return {
        **builders.whatever_is_ordered(acme, zone),
        "peering": builders.a_peering(
            builders.a_vpc(acme, zone, "front", "10.29.0.0/20"), builders.a_vpc(acme, zone, "stock", "10.30.0.0/20")
        ).pk,
        "balancer": balancer.pk,
        "lbmember": balancer.members.all()[0].pk,
        "quotarequest": builders.a_quota_request(acme).pk,
        "vpc": vpc.pk,
        "instance": builders.an_instance(account),
        "publicip": builders.a_public_ip(vpc).pk,
        "tier": tier.pk,
        "route": builders.a_static_route(tier).pk,
        "staticnat": builders.a_static_nat(builders.a_public_ip(vpc, "198.51.100.40"), tier).pk,
        "forward": builders.a_port_forward(builders.a_public_ip(vpc, "198.51.100.41"), tier).pk,
        "acl": builders.an_acl(vpc).pk,
        "operation": operation.pk,
        "tenant_id": acme.pk,
        "zone": zone.pk,
        "stray": builders.a_stray(zone).pk,
        "trial": builders.a_trial().pk,
        **builders.whatever_a_fabric_has(zone),
        **builders.whoever_belongs_to(acme),
    }


def signed_in(user: User) -> SimpleCookie:
    client = Client()
    client.force_login(user)
    return client.cookies


@pytest.fixture
def ids(shared: Shared, db: None) -> Ids:
    return shared.ids


@pytest.fixture
def call(shared: Shared, db: None) -> Call:
    """Ask as one of the callers: with a session for pages, with a token for the API."""

    def token(who: str) -> str:
        tenant = {"stranger": shared.globex, "admin": None}.get(who, shared.acme)
        whose = {"created_by": shared.people[who]} if who == "owner" else {}
        return builders.a_token(tenant, Scope.READ if who == "viewer" else Scope.WRITE, **whose)

    @cache
    def browser(who: str) -> Client:
        client = Client()
        client.cookies = SimpleCookie(shared.cookies[who].output(header="", sep=";") if who in shared.cookies else "")
        return client

    @cache
    def script(who: str) -> Client:
        return Client(headers={} if who == "anonymous" else {"Authorization": f"Bearer {token(who)}"})

    def ask(who: str, method: str, path: str, **headers: str) -> Any:
        if path.startswith("/api/"):
            body = b"{}" if method in ("POST", "PATCH", "PUT") else b""
            return script(who).generic(method, path, body, "application/json", headers=headers)
        return browser(who).generic(method, path, content_type="application/x-www-form-urlencoded")

    return ask


def word(answer: Any, path: str) -> str:
    """A status, in the words of the table. Who pressed a button is led back to its page, which no test here names."""
    back = path if answer.request["REQUEST_METHOD"] == "GET" else "/"
    if answer.status_code == 302 and answer.headers["Location"] == f"/login/?next={back}":
        return "login"
    return str(answer.status_code)


def everything() -> list[Any]:
    """All that tenants have, and what they did with it; of people those who are not the caller."""
    models = (Tenant, Vpc, Tier, PublicIp, StaticNat, PortForward, Balancer, Member, Acl, TierAcl, Peering)
    rows = [model._default_manager.all() for model in (*models, Operation, AuditEntry, Invitation)]
    people = User.objects.filter(username__in=("acme-boss", "acme-idle", "elsewhere"))
    rows += [people, Membership.objects.filter(user__in=people), ApiToken.unscoped.filter(created_by__in=people)]
    return [list(each.order_by("pk").values()) for each in rows]


def without(answer: Any, *words: object) -> tuple[int, dict[str, str], str]:
    """The whole answer but for CSRF tokens, the second it was given in, and the words that differ between two
    addresses."""

    def bare(text: str) -> str:
        for each in words:
            text = text.replace(str(each), "-")
        return re.sub(r"\b[A-Za-z0-9]{64}\b", "csrf", text)

    return (
        answer.status_code,
        {name: bare(text) for name, text in answer.headers.items() if name != "Expires"},
        bare(answer.content.decode()),
    )


@pytest.mark.parametrize(
    ("row", "who"), [pytest.param(row, who, id=f"{row.name}-{who}") for row in ROWS for who in row.answers]
)
def test_everybody_gets_what_the_table_says(who, row, ids, call, shared):
    path = row.path(ids)

    answer = call(who, row.method, path)

    if answer.status_code >= 400:
        assert everything() == shared.before
    if row.answers[who] == "open":
        assert answer.headers["Content-Type"] == "application/json"
    else:
        assert word(answer, path) == row.answers[who], answer.content[:300]


@pytest.mark.parametrize("row", OWNED, ids=lambda row: row.name)
def test_what_is_acmes_is_to_a_stranger_as_if_it_had_never_been(row, ids, call):
    nothing = {name: uuid4() for name in ids}
    differ = [*ids.values(), *nothing.values(), "acme", "no-such"]
    pairs = [(row.path(ids), row.path(nothing, "no-such"))]
    if row.view in TENANT_VIEWS and row.of != "tenant":  # acme's things, asked for in the stranger's own tenant
        pairs.append((row.path(ids, "globex"), row.path(nothing, "globex")))

    for there, nowhere in pairs:
        theirs, nobodys = call("stranger", row.method, there), call("stranger", row.method, nowhere)
        assert without(theirs, *differ) == without(nobodys, *differ)


DONE = [
    pytest.param(row, who, id=row.name)
    for row in ROWS
    for who in [who for who in ("engineer", "admin") if row.answers[who].startswith("2")][:1]
    if row.method == "POST" and row.view.startswith("api:")
]


@pytest.mark.parametrize(("row", "who"), DONE)
def test_a_post_that_is_sent_again_with_its_key_is_answered_as_before(row, who, ids, call):
    first, again = (call(who, "POST", row.path(ids), **{"Idempotency-Key": "one"}) for _ in range(2))

    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (first.status_code, "true")


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "POST"], ids=lambda row: row.name)
def test_a_forged_post_is_refused(row, ids, shared):
    """A browser that is signed in brings its session along, but not the token of Weft's own forms."""
    admin = (
        row.of
        in ("-", "slug", "zone", "stray", "trial", "gate", "person", "import", "block", "site", "fabsubnet", "fabsite")
        or "platform" in row.view
        or "give-up" in row.view
    )
    careful = Client(enforce_csrf_checks=True, headers={"Weft-Tenant": "acme"})
    careful.force_login(shared.people["admin" if admin else "owner"])

    content_type = "application/json" if row.view.startswith("api:") else "application/x-www-form-urlencoded"
    assert careful.post(row.path(ids), "{}", content_type=content_type).status_code == 403
    assert everything() == shared.before


def test_the_table_names_every_route_and_no_other():
    written, told = {name for name, _path in routes()}, {row.view for row in ROWS}

    assert sorted(written - told) == [], "not in the table: who may do what there?"
    assert sorted(told - written) == [], "in the table, but there is no such route"


#: Whoever is signed in already, and whoever takes a wrong way, hears so whatever the method.
ANY_METHOD = {"login", "healthz", "readyz", "api:NoSuchAddress"}


@pytest.mark.parametrize("view", sorted({row.view for row in ROWS} - ANY_METHOD))
def test_a_route_takes_no_method_that_the_table_leaves_out(view, ids, call):
    mine = [row for row in ROWS if row.view == view]

    for method in {*METHODS} - {row.method for row in mine}:
        found = [call(who, method, mine[0].path(ids)).status_code for who in ("engineer", "owner", "admin")]
        assert 405 in found and set(found) <= {403, 404, 405}, (method, found)
