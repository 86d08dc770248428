"""A Netris 4.15 controller in small: its REST API, its objects and a fabric that looks alive."""
