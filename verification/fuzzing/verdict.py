"""A rule that an input breaks."""


class ViolationError(Exception):
    """A rule does not hold.

    Parameters
    ----------
    rule : str
        What happened that must not, without what differs from one input to the next.
    detail : str
        What shows it.
    """

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(f"{rule}: {detail}" if detail else rule)
        self.rule = rule
        self.detail = detail
