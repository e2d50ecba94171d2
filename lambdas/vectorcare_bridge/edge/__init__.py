"""The functions' access to the world: clock, AWS clients, queues, event bus, logs, metrics, settings, HTTP answers."""
