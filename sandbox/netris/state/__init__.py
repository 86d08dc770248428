"""What the controller remembers: shelves of rows, the address tree, and the ledgers of numbers."""
