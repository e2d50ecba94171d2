"""From the tables to the event bus, and from the dispatch system to VectorCare."""
