"""AWS as the functions see it: what a call answers and what it changes. Models know nothing of faults or of waiting."""
