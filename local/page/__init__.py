"""A page that shows the webhooks on their way, what became of them, and the dispatch system's commands."""
