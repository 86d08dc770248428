"""How CloudStack speaks: its commands and their fields, its framing, its refusals. Nothing here knows a row."""
