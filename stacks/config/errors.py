"""The error that the person who runs a command can fix."""


class ConfigurationError(Exception):
    """A mistake in a file or an option; only its text is shown: what is wrong, and how to fix it."""
