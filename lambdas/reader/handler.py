"""Handler of the reading API, which docs/contracts/openapi.json describes."""

from http import HTTPStatus
from typing import Any

from reader import request
from reader.answer import answer
from reader.settings import ReaderSettings
from reader.tables import Tables, UnavailableError
from vectorcare_bridge.edge import observability, response, runtime, settings
from vectorcare_bridge.edge.lambda_handler import lambda_handler

RETRY_AFTER_SECONDS = 5

_settings = settings.load(ReaderSettings)
_tables = Tables(
    runtime.client("dynamodb", connect_timeout=1, read_timeout=3, attempts=2),
    service_requests_table=_settings.service_requests_table,
    events_table=_settings.events_table,
    status_index=_settings.status_index,
)


def _failed(event: dict[str, Any], error: Exception) -> response.ApiGatewayResponse:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    observability.log("reading.failed", route=request.route_of(event), status_code=status, error=error)
    return response.to(event, response.of(status, {"error": "internal error"}))


@lambda_handler(on_error=_failed)
def handler(event: dict[str, Any], _context: object) -> response.ApiGatewayResponse:
    """Answer one of three queries; API Gateway has authorized the caller."""
    return response.to(event, _answer(event))


def _answer(event: dict[str, Any]) -> response.ApiGatewayResponse:
    route = request.route_of(event)
    try:
        asked = request.read(event)
        body = answer(asked, tables=_tables, now=runtime.now())
        # An id is logged only if the tables have it: any other may be a typing error that holds more than an id.
        service_request_id = None if isinstance(asked, request.ListServiceRequests) else asked.service_request_id
        observability.log(
            "reading.answered", route=route, status_code=HTTPStatus.OK, service_request_id=service_request_id
        )
        return response.of_json(HTTPStatus.OK, body)
    except request.RefusedError as refused:
        observability.log("reading.refused", route=route, status_code=refused.status, reason=str(refused))
        return response.of(refused.status, {"error": str(refused)})
    except UnavailableError as unavailable:
        observability.log(
            "reading.failed", route=route, status_code=HTTPStatus.SERVICE_UNAVAILABLE, error=unavailable.error
        )
        return response.of(
            HTTPStatus.SERVICE_UNAVAILABLE, {"error": "try again later"}, {"Retry-After": str(RETRY_AFTER_SECONDS)}
        )
