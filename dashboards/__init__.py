"""The deployed dashboards as pictures, drawn from a local run: `python -m dashboards`."""
