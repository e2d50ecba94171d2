"""What happened in a run, and whether the rules held. Nothing here uses the functions' own code."""
