"""What public IPs, and what leads from them, are made of in CloudStack and Netris."""

from apps.addresses.recipes.public_ips import PUBLIC_IP

ALL = (PUBLIC_IP,)
