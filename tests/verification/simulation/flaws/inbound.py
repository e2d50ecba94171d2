"""Flaws of ingest, drain and redrive."""

from tests.verification.simulation.flaws.variant import (
    Variant,
    from_the_future,
    in_module,
    outage,
    poisoned,
    poisoned_and_crashing,
    untroubled,
)
from verification.simulation.world.loader import Flaw

VARIANTS = (
    Variant(
        "neither queue nor spool took it, and the answer is 200",
        "answered 2xx before it was kept",
        in_module("ingest.enqueue_or_spool", "raise NotKeptError from None", "return"),
    ),
    Variant(
        "the answer does not wait for the queue",
        "answered 2xx before it was kept",
        in_module(
            "ingest.enqueue_or_spool",
            "queue.send(message.encode(webhook))).result(timeout=QUEUE_SECONDS)",
            "queue.send(message.encode(webhook)))",
        ),
    ),
    Variant(
        "any signature will do",
        "forged or another customer's, and accepted",
        in_module("vectorcare_bridge.webhooks.signature", "            continue\n", "            return key\n"),
    ),
    Variant(
        "the customer is not looked at",
        "forged or another customer's, and accepted",
        in_module("ingest.request", "if not hmac.compare_digest(given, customer_id.encode()):", "if False:"),
        first=7,
    ),
    Variant(
        "the drain deletes before it sends",
        "lost",
        in_module(
            "drain.drain",
            "        message_id = queue.send(message.encode(webhook))\n",
            "        spool.delete(key)\n        message_id = queue.send(message.encode(webhook))\n",
        ),
    ),
    Variant(
        "a redriven letter loses its attributes",
        "what nobody may send was kept",
        in_module(
            "redrive.send_back",
            "return queue.send(message.encode(replace(found, redriven=found.redriven + 1)))",
            'return queue.send(Message(MessageBody=letter["Body"], MessageAttributes={}))',
        ),
        trouble=poisoned,
    ),
    Variant(
        "the reason of a death is of the moment at which somebody looks",
        "a redrive by reason left what had died for it",
        in_module(
            "vectorcare_bridge.dead_letters.dead_letter",
            "return recorded(webhook.body) or envelope.reason_for_death(webhook.body, now=webhook.received_at)",
            "from vectorcare_bridge import aws\n"
            "            return envelope.reason_for_death(webhook.body, now=aws.now())",
        ),
        trouble=from_the_future,
    ),
    Variant(
        "the text of an error is logged",
        "a payload value was logged",
        in_module(
            "vectorcare_bridge.edge.observability",
            'return f"{type(error).__name__}: {code}" if code else type(error).__name__',
            'return f"{type(error).__name__}: {error}{code}"',
        ),
    ),
    Variant(
        "all webhooks of a second share one place in the spool",
        "lost",
        in_module(
            "vectorcare_bridge.webhooks.spool",
            "{webhook.received_at}-{envelope.digest(webhook.body)}",
            "{webhook.received_at[:19]}",
        ),
        trouble=outage("sqs"),
    ),
    Variant(
        "the redrive deletes before it sends",
        "can never be applied, and is not among the dead",
        in_module(
            "redrive.redrive",
            "        try:\n            message_id = self._send(letter)\n",
            "        self._dead_letters.delete(letter['ReceiptHandle'])\n"
            "        try:\n            message_id = self._send(letter)\n",
        ),
        trouble=poisoned_and_crashing,
    ),
    Variant(
        "the signature is checked over the body written anew",
        "signed for us, and refused",
        Flaw(
            "ingest.handler",
            (
                ("from http import HTTPStatus\n", "import json\nfrom http import HTTPStatus\n"),
                ("signature.verify(body,", "signature.verify(json.dumps(json.loads(body)).encode(),"),
            ),
        ),
    ),
    Variant(
        "the body is parsed before the signature is checked",
        "signed for us, and not accepted though nothing was in its way",
        Flaw(
            "ingest.handler",
            (
                ("from http import HTTPStatus\n", "import json\nfrom http import HTTPStatus\n"),
                (
                    "        key = _verify(asked, body)\n",
                    "        json.loads(body)\n        key = _verify(asked, body)\n",
                ),
            ),
        ),
        trouble=untroubled,
    ),
    Variant(
        "the body is logged",
        "a payload value was logged",
        in_module(
            "ingest.handler",
            "valid=True, key=key.fingerprint)",
            "valid=True, key=body.decode(errors='replace'))",
        ),
    ),
    Variant(
        "the answer does not wait for the spool",
        "answered 2xx before it was kept",
        in_module(
            "ingest.enqueue_or_spool",
            "spool.store(webhook)).result(timeout=SPOOL_SECONDS)",
            "spool.store(webhook))",
        ),
    ),
)
