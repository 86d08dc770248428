"""Sites, devices, ports, cables and profiles."""
