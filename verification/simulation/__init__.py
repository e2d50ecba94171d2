"""Deterministic simulation: the real functions in one process, against models of AWS and time, driven by one seed."""
