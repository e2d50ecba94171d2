"""The operator's command: what `./bridge` runs."""
