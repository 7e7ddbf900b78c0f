"""Ending on SIGTERM, also as the first process of a container, where nothing is fatal by default."""

import os
import signal
import sys
import threading

# A model's own threads or exit handlers may hold the exit up; docker stop waits 10 seconds.
_PATIENCE = 3


def end_on_sigterm(server):
    """Make SIGTERM close the server's port and end the process."""
    if threading.current_thread() is not threading.main_thread():
        return

    def end(number, frame):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        server.close()
        timer = threading.Timer(_PATIENCE, os._exit, [0])
        timer.daemon = True
        timer.start()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
