"""Whether a deployed stack works: what was checked, what was seen, and what to do."""
