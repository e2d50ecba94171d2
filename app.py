"""Synthesize one stack per customer organization: the program that cdk.json names."""

import logging
import sys

from cli.terminal.text import prepare, printable_lines
from stacks.application import synthesize
from stacks.config.errors import ConfigurationError

if __name__ == "__main__":
    prepare()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        synthesize()
    except ConfigurationError as error:
        sys.exit(printable_lines(str(error)))
