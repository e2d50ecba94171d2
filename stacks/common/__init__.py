"""Constructs that several parts of the stack use: key, tables, queue pairs, REST APIs, log groups."""
