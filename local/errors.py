"""Errors of the local environment, for the person who started it."""


class LocalError(Exception):
    """The local environment cannot start or continue; the message says what failed and what to do."""
