"""Input and output of all programs: foreign text is escaped, and no encoding stops a program."""
