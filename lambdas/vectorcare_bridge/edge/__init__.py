"""Where the functions meet the world: clock, AWS clients, queues, event bus, logs, metrics, settings, HTTP answers."""
