"""What several parts of the stack are built of: key, tables, queue pairs, REST APIs, log groups."""
