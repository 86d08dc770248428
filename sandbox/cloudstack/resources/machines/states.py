"""The states of machines (cloudstack-api.md 4.5)."""

STOPPED, STARTING, RUNNING = "Stopped", "Starting", "Running"
DESTROYED, ERROR = "Destroyed", "Error"
