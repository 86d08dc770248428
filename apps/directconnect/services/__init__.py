"""One verb per change. `moves` brings an order from one stage to the next, `reservations` gives it a port, `orders` and
`locations` make and change what they are about, `keeping` does what comes due."""
