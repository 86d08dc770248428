"""What the operator sets up: settings, offerings, hosts, providers, physical networks, ranges and pools."""
