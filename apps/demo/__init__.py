"""Sample data for `./weft demo`. Nothing else in Weft imports this."""
