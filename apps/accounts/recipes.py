"""What a tenant's account in a zone is made of: a domain, an account in it, and room for what Weft's quotas allow."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import product
from uuid import UUID

from pydantic import SecretStr

from apps.accounts.models import Account
from apps.cloudstack.wire import ResourceType
from apps.kernel.remote import Rejected
from apps.operations.orders import fate_of
from apps.operations.parts import BoundPart, Done, Left, Memo, Part, Progress, Recipe, Wait
from apps.operations.provisioned import settle
from apps.zones.clouds import Clouds
from apps.zones.models import System

#: What the quotas of Weft count instead.
UNLIMITED = (ResourceType.PUBLIC_IP, ResourceType.NETWORK, ResourceType.VPC)


class Domain(Part[Account]):
    title = "Create the tenant's domain in CloudStack"
    undo_title = "Remove the tenant's domain from CloudStack"

    def ensure(self, subject: Account, clouds: Clouds, memo: Memo) -> Progress:
        if not memo.is_cleared_to_send:
            remote = clouds.cloudstack.find_domain(subject.remote_name)
            if remote is not None:
                return Done(cloudstack_domain_id=UUID(remote.id))
            return memo.before_sending("Checking whether CloudStack received the order.")
        return Done(cloudstack_domain_id=UUID(clouds.cloudstack.create_domain(subject.remote_name).id))

    def remove(self, subject: Account, clouds: Clouds, memo: Memo) -> Progress:
        removing = "CloudStack is removing the domain."
        if memo.is_cleared_to_send:
            return Wait(removing, **memo.values, job=clouds.cloudstack.delete_domain(memo["target"]))
        fate = fate_of(clouds.cloudstack, memo, "deleteDomain")
        if fate.is_pending:
            return Wait(removing, **fate.memo)
        remote = clouds.cloudstack.find_domain(subject.remote_name)
        if remote is None:
            if memo.may_still_arrive():
                return Wait("Making sure that no order is still on its way.")
            return Done(cloudstack_domain_id=None)
        if fate.last_word:
            raise fate.last_word
        return memo.before_sending("Checking whether CloudStack received the order.", target=remote.id)

    def leaves(self, subject: Account) -> Sequence[Left]:
        return (Left(System.CLOUDSTACK, f"the domain {subject.remote_name}"),)


class CloudStackAccount(Part[Account]):
    """The account owns what the tenant builds. Nobody logs in to it: its first user's password is thrown away.

    CloudStack calls an account removed when it is gone, even if a VPC of it is still there, on Netris too.
    """

    title = "Create the tenant's account in CloudStack"
    undo_title = "Remove the tenant's account from CloudStack"

    def ensure(self, subject: Account, clouds: Clouds, memo: Memo) -> Progress:
        domain_id = str(subject.cloudstack_domain_id)
        if not memo.is_cleared_to_send:
            found = clouds.cloudstack.find_account(subject.remote_name, domain_id=domain_id)
            if found is not None:
                return Done(cloudstack_account_id=UUID(found.id))
            return memo.before_sending("Checking whether CloudStack received the order.")
        remote = clouds.cloudstack.create_account(
            name=subject.remote_name,
            domain_id=domain_id,
            email=f"{subject.remote_name}@weft.invalid",
            first_name="Weft",
            last_name=subject.tenant.slug,
            password=SecretStr(secrets.token_urlsafe(24)),
        )
        return Done(cloudstack_account_id=UUID(remote.id))

    def remove(self, subject: Account, clouds: Clouds, memo: Memo) -> Progress:
        removing = "CloudStack is removing the account."
        if memo.is_cleared_to_send:
            return Wait(removing, **memo.values, job=clouds.cloudstack.delete_account(memo["target"]))
        fate = fate_of(clouds.cloudstack, memo, "deleteAccount")
        if fate.is_pending:
            return Wait(removing, **fate.memo)
        domain = clouds.cloudstack.find_domain(subject.remote_name)
        remote = domain and clouds.cloudstack.find_account(subject.remote_name, domain_id=domain.id)
        if not remote:
            if memo.may_still_arrive():
                return Wait("Making sure that no order is still on its way.")
            if left := domain and clouds.cloudstack.vpcs_in_domain(domain.id):
                names = ", ".join(sorted(vpc.name for vpc in left))
                text = (
                    f"CloudStack has removed the account, but not its VPC {names}. It tries again by itself, usually "
                    "within a day; try again then."
                )
                raise Rejected(text, system=System.CLOUDSTACK, call="listVPCs")
            return Done(cloudstack_account_id=None)
        if fate.last_word:
            raise fate.last_word
        return memo.before_sending("Checking whether CloudStack received the order.", target=remote.id)

    def leaves(self, subject: Account) -> Sequence[Left]:
        return (Left(System.CLOUDSTACK, f"the account {subject.remote_name}"),)


class Limits(Part[Account]):
    """Weft counts quotas itself. CloudStack's defaults, 20 VPCs an account and 40 a domain, would get in the way."""

    title = "Leave the quotas to Weft"
    undo_title = ""

    def ensure(self, subject: Account, clouds: Clouds, memo: Memo) -> Progress:
        for owner, resource_type in product((None, subject.remote_name), UNLIMITED):
            clouds.cloudstack.update_resource_limit(
                account=owner, domain_id=str(subject.cloudstack_domain_id), resource_type=resource_type, maximum=-1
            )
        return Done()

    def remove(self, subject: Account, clouds: Clouds, memo: Memo) -> Progress:
        return Done()


def account_parts(account: Account) -> Sequence[BoundPart]:
    return [BoundPart(part, account) for part in (Domain(), CloudStackAccount(), Limits())]


def settle_account(account: Account, goal: str, phase: str) -> None:
    settle(Account.objects.of(account.tenant).filter(pk=account.pk), goal, phase)


ACCOUNT = Recipe(
    "account",
    Account,
    account_parts,
    settle_account,
    related=("tenant",),
    titles={"present": "Open account", "absent": "Close account"},
)
