"""API Gateway's `POST /webhook`, and `GET` and `HEAD /health`."""

import hashlib
from http import HTTPStatus
from typing import Any

from ingest import refusal_reason, request, verification
from ingest.enqueue_or_spool import enqueue_or_spool
from ingest.settings import IngestSettings
from vectorcare_bridge.edge import observability, response, runtime, settings
from vectorcare_bridge.edge.lambda_handler import lambda_handler
from vectorcare_bridge.edge.metric import Metric
from vectorcare_bridge.edge.queue import Queue
from vectorcare_bridge.webhooks import signature
from vectorcare_bridge.webhooks.message import Webhook
from vectorcare_bridge.webhooks.spool import Spool

_settings = settings.load(IngestSettings)
_keys = signature.load_keys(_settings.public_keys)
_verification = verification.load(_settings.verification)
_queue = Queue(runtime.client("sqs", connect_timeout=1, read_timeout=2, attempts=2), _settings.queue_url)
# Made at cold start although rarely needed: a client takes long to make, and VectorCare does not wait.
_spool = Spool(runtime.client("s3", connect_timeout=1, read_timeout=1, attempts=1), _settings.spool_bucket)
# Calls that were given up keep their threads until they time out. The next request must not wait for them.
_executor = runtime.executor(threads=16)


def _not_kept(event: dict[str, Any], error: Exception) -> response.ApiGatewayResponse:
    observability.log("webhook.not_kept", status_code=HTTPStatus.SERVICE_UNAVAILABLE, error=error)
    observability.count(Metric.NOT_KEPT)
    return response.to(event, response.of(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "not kept; send it again"}))


@lambda_handler(on_error=_not_kept)
def handler(event: dict[str, Any], _context: object) -> response.ApiGatewayResponse:
    """Accept what VectorCare signed for this organization: store it, answer 200."""
    return response.to(event, _answer(event))


def _answer(event: dict[str, Any]) -> response.ApiGatewayResponse:
    try:
        asked = request.read(event)
        if asked.route in ("GET /health", "HEAD /health"):
            return response.of(HTTPStatus.OK, {"status": "ok"})
        if asked.route != "POST /webhook":
            return response.of(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "POST /webhook or GET /health"})
        _accept(asked)
        return response.of(HTTPStatus.OK, {"status": "accepted"})
    except request.RefusedError as refused:
        observability.log("webhook.refused", status_code=refused.status, reason=str(refused))
        observability.count(refused.metric)
        return response.of(refused.status, refused.answer)


def _accept(asked: request.WebhookRequest) -> None:
    started = runtime.monotonic()
    observability.log("webhook.received", bytes_received=asked.size)
    try:
        customer_id = request.check_customer(
            asked, customer_id=_settings.customer_id, former=_settings.former_customer_ids
        )
        body = request.body(asked)
        key = _verify(asked, body)
        webhook = Webhook(body=body, signature=asked.signature or "", received_at=runtime.now())
        message_id = enqueue_or_spool(webhook, queue=_queue, spool=_spool, executor=_executor)
    finally:
        observability.count(Metric.INGEST_MILLISECONDS, (runtime.monotonic() - started) * 1000)
    observability.log("webhook.accepted", message_id=message_id, status_code=HTTPStatus.OK)
    observability.count(Metric.ACCEPTED)
    observability.count_by(Metric.SIGNED_BY_KEY, key=key.fingerprint)
    # During a move: whether VectorCare still calls the old URL.
    if _settings.former_customer_ids:
        observability.count_by(Metric.ACCEPTED_BY_CUSTOMER_ID, customer_id=customer_id)
    if _settings.domain_name:
        observability.count_by(Metric.ACCEPTED_BY_DOMAIN, domain=request.domain_used(asked, own=_settings.domain_name))


def _verify(asked: request.WebhookRequest, body: bytes) -> signature.Key:
    once = _verification.keys_for(body, now=runtime.now()) if _verification else ()
    try:
        key = signature.verify(body, asked.signature, (*_keys, *once))
    except signature.SignatureRefusedError as refused:
        reason = refusal_reason.explain(asked, body, refused.refusal, _keys)
        observability.log("signature.verified", valid=False, reason=reason)
        raise request.RefusedError(
            HTTPStatus.UNAUTHORIZED,
            f"{signature.HEADER}: {reason}",
            Metric.SIGNATURE_INVALID,
            body_sha256=hashlib.sha256(body).hexdigest(),
        ) from None
    observability.log("signature.verified", valid=True, key=key.fingerprint)
    return key
