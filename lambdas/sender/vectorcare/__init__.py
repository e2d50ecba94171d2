"""VectorCare's API: the token, the call, and what an answer proves."""
