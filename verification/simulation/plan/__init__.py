"""What is going to happen in a run, drawn from its seed before anything runs."""
