"""Message in, journal and state moved forward."""
