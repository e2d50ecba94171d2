"""The synthesized template, running on one machine without AWS, and a VectorCare that sends to it."""

import sys
from pathlib import Path

# The functions' shared package, which is on no path outside of a function.
sys.path.append(str(Path(__file__).parents[1] / "lambdas"))
