"""Commands from the queue to VectorCare, and their results to the event bus."""
