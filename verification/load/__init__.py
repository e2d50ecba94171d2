"""The stand under load and under faults: every accepted webhook is accounted for afterwards."""
