"""What `bridge deploy` does: one synthesis, one change set for each stack, judged before it is executed."""
