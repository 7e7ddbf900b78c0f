"""Ending on SIGTERM, also as a container's first process, for which nothing is fatal by default."""

import os
import signal
import sys
import threading

# A model's own threads or exit handlers may hold the exit up; docker stop waits 10 seconds.
_PATIENCE = 3


def end_on_sigterm(close):
    """Make SIGTERM call `close` and end the process; returns a function that undoes it."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    owner = os.getpid()

    def end(number, frame):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if os.getpid() != owner:
            # A worker that a handler forked: the port is its parent's.
            os.kill(os.getpid(), signal.SIGTERM)
            return
        close()
        timer = threading.Timer(_PATIENCE, os._exit, [0])
        timer.daemon = True
        timer.start()
        sys.exit(0)

    before = signal.signal(signal.SIGTERM, end)
    # None means that C code had set the handler, and Python cannot set that again.
    return lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
