"""What people on call use: the redrive function and their policies."""
