"""How every program of this project speaks: nothing foreign reaches a terminal raw, and no encoding stops it."""
