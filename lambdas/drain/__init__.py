"""Spooled webhooks back onto the queue."""
