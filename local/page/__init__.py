"""A page that shows the stand: webhooks on their way, what became of them, and what the dispatch system commands."""
