"""Imported by the process from which those that run seeds are forked: what the first run loads is there for all."""

import gc
import logging

from verification.simulation.run import run

# No one reads where a line was logged (Logging HOWTO, "Optimization").
logging._srcfile = None
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
gc.disable()
run(0, events=1)
gc.collect()
gc.freeze()
