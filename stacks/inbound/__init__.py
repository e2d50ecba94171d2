"""From VectorCare's webhook to the tables."""
