"""Input and output of all programs: foreign text is escaped, and any encoding of the terminal works."""
