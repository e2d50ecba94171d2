"""The page's server: `python -m local.page`, as `local.page_process` starts it."""

import os
from pathlib import Path

from local.page.server import serve
from local.page_process import STATUS_FILE

serve(Path(os.environ[STATUS_FILE]), announce=lambda url: print(url, flush=True))  # noqa: T201 its parent reads that
