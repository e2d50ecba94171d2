"""What waits for an operator, why, and what a redrive would do with it."""
