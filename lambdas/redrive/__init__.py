"""Dead letters back onto the queue."""
