"""Who owns things: domains, accounts, users, projects, roles and their limits."""
