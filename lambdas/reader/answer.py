"""The answer to each of the three questions."""

from reader import render
from reader.request import Events, One, WithStatus, not_found
from reader.tables import Reading
from vectorcare_bridge.utc_timestamp import UtcTimestamp


def answer(asked: One | WithStatus | Events, *, reading: Reading, now: UtcTimestamp) -> str:
    """Answer with JSON.

    What has expired by `now` counts as absent.

    Raises
    ------
    RefusedError
        404: there is no such service request.
    UnavailableError
        DynamoDB does not answer.
    """
    if isinstance(asked, One):
        item = reading.service_request(asked.service_request_id, now=now)
        if item is None:
            raise not_found()
        return render.service_request(item)
    part = asked.part
    if isinstance(asked, WithStatus):
        page = reading.with_status(asked.status, limit=part.limit, after=part.after, now=now)
        return render.service_requests(page, part)
    page = reading.events(asked.service_request_id, limit=part.limit, after=part.after, now=now)
    if part.after is None and page.last is None and not page.items:
        raise not_found()
    return render.events(page, part)
