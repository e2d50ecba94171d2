"""Changes of the state out to the event bus."""
