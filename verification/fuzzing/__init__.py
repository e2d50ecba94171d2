"""Coverage-guided fuzzing of the functions' entry points: hostile inputs, signed ones among them, and their rules."""
