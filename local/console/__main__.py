"""The page's server: `python -m local.console`, as `local.console.launch` starts it."""

import json
import os

from local.console.launch import STAND
from local.console.server import serve

serve(json.loads(os.environ[STAND]), announce=lambda url: print(url, flush=True))  # noqa: T201 who starts it reads that
