"""What both services share: the store, the clock, HTTP, faults, pace and the control endpoint."""
