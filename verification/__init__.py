"""What runs for minutes: simulation, fuzzing, load, mutation, benchmarks."""

import sys
from pathlib import Path

# The functions' shared package, which is on no path outside of a function.
sys.path.append(str(Path(__file__).parents[1] / "lambdas"))
