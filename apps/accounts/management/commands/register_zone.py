"""Register a zone, or change how it is reached, and open the accounts that tenants lack there.

Secrets come from the environment: no process list shows them.
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from pydantic import SecretStr

from apps.accounts.services import register_zone
from apps.kernel.errors import Refused
from apps.kernel.remote import RemoteError
from apps.tenancy.actors import Actor, Platform
from apps.zones.lint import warnings_of
from apps.zones.services import ZoneSpec

SECRETS = ("WEFT_CLOUDSTACK_API_KEY", "WEFT_CLOUDSTACK_SECRET_KEY", "WEFT_NETRIS_PASSWORD")


class Command(BaseCommand):
    help = f"Register a CloudStack zone with its Netris site. Secrets are read from {', '.join(SECRETS)}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the zone's name in CloudStack")
        parser.add_argument("--cloudstack-url", required=True, help="for example https://cloud.example.net/client/api")
        parser.add_argument("--netris-url", required=True, help="for example https://netris.example.net")
        parser.add_argument("--netris-user", required=True, help="a user of Weft's own, not the plugin's")
        parser.add_argument("--netris-site", required=True)
        parser.add_argument("--vpc-offering", default=ZoneSpec.vpc_offering)
        parser.add_argument("--tier-offering", default=ZoneSpec.tier_offering)
        parser.add_argument("--description", help="for people; left out, it stays as it is")
        parser.add_argument("--calls-per-second", type=int, default=ZoneSpec.calls_per_second)

    def handle(self, *args: Any, **options: Any) -> None:
        missing = [name for name in SECRETS if not os.environ.get(name)]
        if missing:
            raise CommandError(f"Set {', '.join(missing)}.")
        api_key, secret_key, password = (SecretStr(os.environ[name]) for name in SECRETS)
        names = ("name", "cloudstack_url", "netris_url", "netris_user", "netris_site", "vpc_offering", "tier_offering")
        by = Platform(Actor.system("command line"))
        try:
            zone, operations = register_zone(
                ZoneSpec(
                    **{name: options[name] for name in names},
                    calls_per_second=options["calls_per_second"],
                    description=options["description"],
                    cloudstack_api_key=api_key,
                    cloudstack_secret_key=secret_key,
                    netris_password=password,
                ),
                by=by,
            )
        except (Refused, RemoteError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{zone.name} is registered. Accounts being made there: {len(operations)}.")
        for warning in warnings_of(zone):
            self.stderr.write(f"Warning: {warning}")
