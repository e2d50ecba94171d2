"""A small dispatch system: it accepts what is offered, reports the trip, and hears how each command ended.

    python docs/examples/dispatch.py --stand .local/stand.json      with `make run`
    python docs/examples/dispatch.py --events QUEUE_URL --outbound QUEUE_URL
                                            on AWS: the queue of docs/examples/subscriber.py, and the bridge's own

Copy it and replace `Trips`: a real dispatcher decides what to accept, and a real vehicle knows where it is.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

STATES = ("en_route", "arrived", "on_board", "arrived_at_destination", "completed")

Json = dict[str, Any]


class Bridge:
    """The two queues: events come from one, commands go to the other.

    Parameters
    ----------
    sqs : boto3 client
        With the bridge's policy `CadPolicyArn`, and permission to read the subscriber's own queue.
    events_queue_url, outbound_queue_url : str
        The queue of a rule on the bridge's bus, and the bridge's output `OutboundQueueUrl`.
    """

    def __init__(self, sqs: Any, events_queue_url: str, outbound_queue_url: str) -> None:
        self._sqs = sqs
        self._events = events_queue_url
        self._outbound = outbound_queue_url

    def command(self, kind: str, service_request_id: str, step: str = "", **fields: Any) -> None:
        """Put a command on the queue.

        Its id follows from what it says, so an event that comes twice sends the same command.
        """
        command_id = ".".join(filter(None, (service_request_id, kind, step)))
        message = {"command": kind, "command_id": command_id, "service_request_id": service_request_id, **fields}
        self._sqs.send_message(QueueUrl=self._outbound, MessageBody=json.dumps(message))

    def listen(self, trips: "Trips") -> None:
        """Pass events to `trips`, without end; each is deleted after it was handled, otherwise it comes again."""
        while True:
            answer = self._sqs.receive_message(QueueUrl=self._events, MaxNumberOfMessages=10, WaitTimeSeconds=20)
            for message in answer.get("Messages", []):
                event = json.loads(message["Body"])
                trips.take(event["detail-type"], event["detail"])
                self._sqs.delete_message(QueueUrl=self._events, ReceiptHandle=message["ReceiptHandle"])


class Trips:
    """What this dispatch system does with events. A real one keeps a database, not a dictionary."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._revisions: dict[str, int] = {}

    def take(self, detail_type: str, detail: Json) -> None:
        if detail_type.startswith("Command"):
            self._take_outcome(detail_type, detail)
        elif detail["revision"] > self._revisions.get(detail["service_request_id"], 0):
            # Events come twice and in any order; an older one says nothing new.
            self._revisions[detail["service_request_id"]] = detail["revision"]
            self._take_change(detail)

    def _take_change(self, detail: Json) -> None:
        name, status = detail["service_request_id"], detail["request_status"]
        say(name, f"is {status} ({detail['action']})")
        if status == "AVAILABLE" and detail["action"] == "BROADCAST_RECEIVED":
            self._bridge.command("accept", name)
        elif status == "ASSIGNED" and detail["previous_status"] != "ASSIGNED":
            # Accepted by us, or assigned to us: only VectorCare's webhook says that the trip is ours.
            self._report(name, STATES[0])

    def _take_outcome(self, detail_type: str, detail: Json) -> None:
        name, reason = detail["service_request_id"], detail["reason"]
        say(name, f"{detail_type}: {detail['command']}{f' ({reason})' if reason else ''}")
        if detail_type == "CommandSucceeded" and detail["command"] in {"state_update", "location_update"}:
            # Commands may overtake each other on the queue, so the next one waits for the end of this one.
            self._go_on(name, detail["command"], detail["command_id"].rpartition(".")[2])

    def _go_on(self, name: str, command: str, state: str) -> None:
        if command == "state_update" and state in {"en_route", "on_board"}:
            here = {"lat": 34.05 + STATES.index(state) / 100, "lng": -118.25, "alt": 90.0}
            positions = [here | {"timestamp": time.time() - 3 + second} for second in range(3)]
            self._bridge.command("location_update", name, state, locations=positions)
        elif state != STATES[-1]:
            self._report(name, STATES[STATES.index(state) + 1])

    def _report(self, name: str, state: str) -> None:
        now = datetime.now(UTC).isoformat()
        self._bridge.command("state_update", name, state, name=state, timestamp=now)


def say(service_request_id: str | None, text: str) -> None:
    """Print a line: ids and codes, no patient's data, and nothing that an id could do to a terminal."""
    print(ascii(f"{datetime.now(UTC):%H:%M:%S}  {service_request_id or '-':<12}  {text}")[1:-1], flush=True)


def subscribe(environment: Json) -> str:
    """Make a rule that sends all local events to a queue, like docs/examples/subscriber.py on AWS; return its URL."""
    sqs, events = client("sqs", environment), client("events", environment)
    url: str = sqs.create_queue(QueueName="dispatch")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"Name": "dispatch", "EventBusName": environment["event_bus"]}
    events.put_rule(**rule, EventPattern=json.dumps({"source": ["vectorcare-bridge"]}))
    events.put_targets(Rule="dispatch", EventBusName=environment["event_bus"], Targets=[{"Id": "dispatch", "Arn": arn}])
    return url


def client(service: str, environment: Json) -> Any:
    """Make a client of the local environment's AWS."""
    names = {"endpoint_url": "endpoint_url", "region_name": "region"}
    keys = {"aws_access_key_id": "access_key_id", "aws_secret_access_key": "secret_access_key"}
    return boto3.client(service, **{name: environment[key] for name, key in (names | keys).items()})


def main() -> None:
    """Run until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stand", type=Path, help="the stand.json of make run")
    parser.add_argument("--events", help="URL of the queue of your rule on the bridge's bus")
    parser.add_argument("--outbound", help="the bridge's output OutboundQueueUrl")
    given = parser.parse_args()
    if given.stand:
        environment = json.loads(given.stand.read_text())
        bridge = Bridge(client("sqs", environment), subscribe(environment), environment["outbound_queue_url"])
    elif given.events and given.outbound:
        bridge = Bridge(boto3.client("sqs"), given.events, given.outbound)
    else:
        parser.error("give --stand, or --events and --outbound")
    print("Waiting for service requests; Ctrl-C ends it.", flush=True)
    try:
        bridge.listen(Trips(bridge))
    except KeyboardInterrupt:
        print("Ended.")


if __name__ == "__main__":
    main()
