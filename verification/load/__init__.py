"""The local environment under load and faults: every accepted webhook is accounted for afterwards."""
