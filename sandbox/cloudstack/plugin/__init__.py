"""The Netris plugin and its line to the controller. It knows no rows of CloudStack."""
