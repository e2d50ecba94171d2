"""The parts of a stack that move data, for monitoring and policies."""

from dataclasses import dataclass

from stacks.functions.function import BridgeFunction
from stacks.inbound.api import WebhookApi
from stacks.inbound.inbound import Inbound
from stacks.outbound.change_events import ChangeEvents
from stacks.outbound.commands import Commands
from stacks.reading.reading_api import ReadingApi


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All parts, each built once by the stack."""

    inbound: Inbound
    change_events: ChangeEvents
    commands: Commands
    redrive: BridgeFunction
    webhook_api: WebhookApi
    reading_api: ReadingApi
    reconcile: BridgeFunction | None = None  # only if the file asks for it

    @property
    def functions(self) -> dict[str, BridgeFunction]:
        """The functions by the name that their logs and metrics use."""
        return {
            "ingest": self.inbound.ingest,
            "processor": self.inbound.processor,
            "drain": self.inbound.drain,
            "redrive": self.redrive,
            "publisher": self.change_events.publisher,
            "sender": self.commands.sender,
            "reader": self.reading_api.reader,
            **({"reconcile": self.reconcile} if self.reconcile else {}),
        }
