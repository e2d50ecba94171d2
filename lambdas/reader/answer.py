"""Answer each of the three queries."""

from reader import render
from reader.request import GetServiceRequest, ListEvents, ListServiceRequests, not_found
from reader.tables import Tables
from vectorcare_bridge.utc_timestamp import UtcTimestamp


def answer(asked: GetServiceRequest | ListServiceRequests | ListEvents, *, tables: Tables, now: UtcTimestamp) -> str:
    """Answer with JSON.

    What has expired by `now` counts as absent.

    Raises
    ------
    RefusedError
        404: there is no such service request.
    UnavailableError
        DynamoDB does not answer.
    """
    if isinstance(asked, GetServiceRequest):
        item = tables.service_request(asked.service_request_id, now=now)
        if item is None:
            raise not_found()
        return render.service_request(item)
    if isinstance(asked, ListServiceRequests):
        page = tables.with_status(asked.status, limit=asked.page.limit, after=asked.page.after, now=now)
        return render.service_requests(page, asked.page)
    page = tables.events(asked.service_request_id, limit=asked.page.limit, after=asked.page.after, now=now)
    if asked.page.after is None and page.last is None and not page.items:
        raise not_found()
    return render.events(page, asked.page)
