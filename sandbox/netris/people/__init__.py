"""Users, their roles and permissions, and tenants."""
