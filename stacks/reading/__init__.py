"""The API that a dispatch system reads from."""
