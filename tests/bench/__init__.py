"""`./weft bench`: what Weft costs, beside what the same work costs without it."""
