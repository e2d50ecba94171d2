"""What several kinds of tests need: a signing key, invented webhooks, the functions against moto."""
