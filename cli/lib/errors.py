"""What ends a command."""


class BridgeError(Exception):
    """Something cannot be done. The text says what happened, and what to do."""
