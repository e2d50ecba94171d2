"""The functions as the stack configures them, and the names under which they find what they use."""

from simulator.api_rules import API_PATH, TOKEN_PATH
from verification.simulation.history.webhooks import DEAD_LETTERS
from verification.simulation.plan import keys
from verification.simulation.plan.plan import Settings
from verification.simulation.world.container import Function
from verification.simulation.world.vectorcare import CUSTOMER_ID

QUEUE = "queue"
EVENTS, SERVICE_REQUESTS = "events", "service_requests"
OUTBOUND, OUTBOUND_DEAD_LETTERS = "outbound", "outbound dead letters"
COMMANDS = "commands"
SPOOL = "spool"
BUS, UNPUBLISHED = "bus", "unpublished"
JOURNAL_RETENTION_DAYS = 2190

FUNCTIONS = (
    Function("ingest", "ingest.handler", timeout=9),
    Function("processor", "processor.handler", timeout=60),
    Function("drain", "drain.handler", timeout=60),
    Function("redrive", "redrive.handler", timeout=900),
    Function("publisher", "publisher.handler", timeout=180),
    Function("sender", "sender.handler", timeout=60),
    Function("replay", "verification.simulation.world.replay_command", timeout=3600),
)


def environment(settings: Settings, public_keys: tuple[str, ...]) -> dict[str, str]:
    """Write the environment variables of all functions; each reads its own."""
    return {
        "QUEUE_URL": QUEUE,
        "DEAD_LETTER_QUEUE_URL": DEAD_LETTERS,
        "OUTBOUND_QUEUE_URL": OUTBOUND,
        "OUTBOUND_DEAD_LETTER_QUEUE_URL": OUTBOUND_DEAD_LETTERS,
        "COMMANDS_TABLE": COMMANDS,
        "CREDENTIALS_SECRET": "vectorcare",
        "VECTORCARE_API_URL": f"https://vectorcare.invalid{API_PATH}",
        "VECTORCARE_TOKEN_URL": f"https://vectorcare.invalid{TOKEN_PATH}",
        "SPOOL_BUCKET": SPOOL,
        "CUSTOMER_ID": CUSTOMER_ID,
        "FORMER_CUSTOMER_IDS": "",
        "DOMAIN_NAME": "",
        "PUBLIC_KEYS": keys.encoded(*public_keys),
        "EVENTS_TABLE": EVENTS,
        "SERVICE_REQUESTS_TABLE": SERVICE_REQUESTS,
        "ORDER_BY": settings.order_by,
        "STATE_RETENTION_DAYS": str(settings.retention_days),
        "JOURNAL_RETENTION_DAYS": str(JOURNAL_RETENTION_DAYS),
        "EVENT_BUS": BUS,
        "UNPUBLISHED_QUEUE_URL": UNPUBLISHED,
        "PUBLISH_ACTIONS": "*",
        "PUBLISH_DATA": str(settings.publish_data).lower(),
        "ORGANIZATION": "acme",
        "POWERTOOLS_METRICS_NAMESPACE": "VectorCareBridge",
    }
