"""Virtual machines with their NICs, addresses and disks."""
