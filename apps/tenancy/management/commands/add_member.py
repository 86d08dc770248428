"""Make somebody a member of a tenant. A user who does not exist yet is made, and the password printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.kernel.errors import Refused
from apps.tenancy.actors import Actor
from apps.tenancy.models import Role, Tenant
from apps.tenancy.services import add_member


class Command(BaseCommand):
    help = "Make somebody a member of a tenant, or change the role."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", help="the tenant's slug")
        parser.add_argument("username")
        parser.add_argument("role", choices=Role.values)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        try:
            password = add_member(tenant, options["username"], Role(options["role"]), by=Actor.system("command line"))
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{options['username']} is {options['role']} of {tenant}.")
        if password:
            self.stdout.write(f"Password: {password}")
