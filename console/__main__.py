"""The page's server: `python -m console`, as `local.console` starts it."""

import json
import os

from console.server import serve
from local.console import STAND

serve(json.loads(os.environ[STAND]), announce=lambda url: print(url, flush=True))  # noqa: T201 who starts it reads that
