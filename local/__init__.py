"""The synthesized template, running on one machine without AWS, and a VectorCare that sends to it."""
