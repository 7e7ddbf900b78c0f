"""Ending on SIGTERM, also as a container's first process, for which nothing is fatal by default."""

import os
import signal
import socket
import sys
import threading

# A model's own threads or exit handlers may hold the exit up; docker stop waits 10 seconds.
_PATIENCE = 3


def end_on_sigterm(close, wake):
    """Make SIGTERM call `close` and end the process; returns a function that undoes it.

    `wake` is called from another thread when any signal came. Python runs signal handlers in the
    main thread, but the kernel may hand a signal to any thread, and then nothing but this tells a
    main thread that sleeps on a lock.
    """
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

    news, announce = socket.socketpair()
    # Required by set_wakeup_fd. A forked worker shares this socket, and can only wake us with it.
    announce.setblocking(False)
    fd_before = signal.set_wakeup_fd(announce.fileno())
    threading.Thread(target=_pass_on, args=(news, wake), name='runway-signals',
                     daemon=True).start()
    handler_before = signal.signal(signal.SIGTERM, end)

    def undo():
        # None means that C code had set the handler, and Python cannot set that again.
        signal.signal(signal.SIGTERM,
                      signal.SIG_DFL if handler_before is None else handler_before)
        signal.set_wakeup_fd(fd_before)
        announce.close()

    return undo


def _pass_on(news, wake):
    with news:
        while news.recv(4096):
            wake()
