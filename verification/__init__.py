"""What runs for minutes: simulation, fuzzing, load, mutation, benchmarks."""
