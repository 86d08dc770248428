"""VPCs and what stands inside of them: addresses, V-Nets, NAT, balancers, ACLs, static routes."""
