"""Answers what the organization's own dispatch system asks about its service requests."""
