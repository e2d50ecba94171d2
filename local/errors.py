"""What can go wrong with the stand, in words for the person who started it."""


class StandError(Exception):
    """The stand cannot start or go on; the message says what failed and what to do."""
