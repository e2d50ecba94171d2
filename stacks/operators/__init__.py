"""For people on call: the redrive function and their policies."""
