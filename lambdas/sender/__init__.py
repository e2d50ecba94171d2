"""Commands in, calls to VectorCare, outcomes on the bus."""
