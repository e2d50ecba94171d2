"""Signed webhook in, durable message out."""
