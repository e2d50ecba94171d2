"""The work of the commands, for any program: nothing here uses a terminal."""
