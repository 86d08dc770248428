"""Public addresses and what they are taken for: static NAT, port forwarding, load balancers."""
