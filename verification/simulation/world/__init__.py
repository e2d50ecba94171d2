"""The world around the models: time, containers, faults, and who calls the functions."""
