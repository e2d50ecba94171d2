"""What the commands do, for any program: nothing here knows a terminal."""
