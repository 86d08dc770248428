"""What public IPs, and what leads from them, are made of in CloudStack and Netris."""

from apps.addresses.recipes.port_forwards import PORT_FORWARD
from apps.addresses.recipes.public_ips import PUBLIC_IP
from apps.addresses.recipes.static_nats import STATIC_NAT

ALL = (PUBLIC_IP, STATIC_NAT, PORT_FORWARD)
