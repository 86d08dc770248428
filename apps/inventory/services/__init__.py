"""What platform admins change of the inventory of Netris."""
