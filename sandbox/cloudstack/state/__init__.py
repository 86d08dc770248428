"""What the management server remembers, and which hosts it believes to be alive."""
