"""Mutation testing: faults put into the functions' rules one by one, each of which the tests have to notice."""
