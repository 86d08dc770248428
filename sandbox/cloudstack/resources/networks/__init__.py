"""VPCs, tiers, and what stands inside of them: VNIs, routers, ACLs, routes, VPN."""
