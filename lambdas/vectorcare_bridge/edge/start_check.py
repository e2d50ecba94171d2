"""What the start check sends to a new version of a function, and what a version answers that has started.

No other caller sends this: API Gateway, queues, streams and schedules make events of their own, with other keys.
"""

EVENT = {"vectorcare_bridge": "start check"}
ANSWER = {"started": True}
