"""What can go wrong with the local environment, in words for the person who started it."""


class LocalError(Exception):
    """The local environment cannot start or go on; the message says what failed and what to do."""
