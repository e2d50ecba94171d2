"""The API by which a dispatch system reads."""
