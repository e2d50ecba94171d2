"""What an operator can mend, said in one line."""


class ConfigurationError(Exception):
    """A mistake of whoever runs synth; its text is all that they see of it."""
