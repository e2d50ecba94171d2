"""Set before any function's code is imported, as Lambda does."""

import os

os.environ.update(
    ORGANIZATION="acme",
    POWERTOOLS_METRICS_NAMESPACE="VectorCareBridge",
    POWERTOOLS_SERVICE_NAME="tests",
)
