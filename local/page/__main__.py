"""The page's server: `python -m local.page`, as `local.page_process` starts it."""

import json
import os

from local.page.server import serve
from local.page_process import DESCRIPTION

serve(json.loads(os.environ[DESCRIPTION]), announce=lambda url: print(url, flush=True))  # noqa: T201 who starts it reads that
