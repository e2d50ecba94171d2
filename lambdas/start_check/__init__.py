"""Runs each new version of the functions once, before anything else calls it."""
