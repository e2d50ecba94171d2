"""Mutation testing: faults put into the functions' rules one by one, and the tests have to notice each."""
