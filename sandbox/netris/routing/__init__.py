"""BGP: sessions, what they match and filter, and peerings of VPCs."""
