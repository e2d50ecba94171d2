"""Messages that wait for an operator: why, and what a redrive would do with them."""
