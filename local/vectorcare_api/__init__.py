"""A stand-in for VectorCare's Open API 2.0: its documented rules, and its bad days on demand."""
