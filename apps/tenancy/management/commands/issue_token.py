"""Issue an API token of a tenant or of the platform. It is printed once; only its hash is kept."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.kernel.errors import Refused
from apps.tenancy.actors import Actor
from apps.tenancy.models import Scope, Tenant
from apps.tenancy.services import issue_token


class Command(BaseCommand):
    help = "Issue an API token of a tenant, or of the platform."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", nargs="?", help="the tenant's slug")
        parser.add_argument("name", help="what it is for")
        parser.add_argument("--platform", action="store_true", help="a token of the platform, which sees every tenant")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.WRITE)
        parser.add_argument("--days", type=int, help="how long it is valid; for ever without")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["tenant"]) == options["platform"]:
            raise CommandError("Name a tenant, or say --platform.")
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None and not options["platform"]:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        try:
            _token, secret = issue_token(
                tenant,
                name=options["name"],
                scope=Scope(options["scope"]),
                days=options["days"],
                by=Actor.system("command line"),
            )
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(secret)
