"""Deliberate faults in the functions, and the rule that each must be caught breaking."""

from tests.verification.simulation.flaws import inbound, processor, publisher, redrive, sender
from tests.verification.simulation.flaws.variant import Variant

__all__ = ["VARIANTS", "Variant"]

VARIANTS = (*processor.VARIANTS, *inbound.VARIANTS, *publisher.VARIANTS, *sender.VARIANTS, *redrive.VARIANTS)
