"""RW_DEBUG: start the program again when one of its source files changes."""

import os
import sys
import threading
import time
from typing import Dict, Optional

_INTERVAL = 0.5


def restart_on_change():
    """Watch the files of all imported modules from a thread of its own."""
    thread = threading.Thread(target=_watch, name='runway-reload', daemon=True)
    thread.start()


def _watch():
    seen: Dict[str, Optional[int]] = {}
    while True:
        for path in _source_files():
            changed = _modified(path)
            if seen.setdefault(path, changed) != changed:
                seen[path] = changed
                if _compiles(path):
                    _restart(path)
        time.sleep(_INTERVAL)


def _source_files():
    paths = [getattr(module, '__file__', None) for module in list(sys.modules.values())]
    return {path for path in paths if path and path.endswith('.py')}


def _modified(path):
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _compiles(path):
    """Whether it is worth a restart: a half-saved file is not."""
    try:
        with open(path, 'rb') as file:
            compile(file.read(), path, 'exec')
        return True
    except (OSError, SyntaxError, ValueError) as error:
        print('Not restarting: %s' % error, file=sys.stderr, flush=True)
        return False


def _restart(path):
    print('Restarting, because %s changed.' % path, flush=True)
    spec = getattr(sys.modules['__main__'], '__spec__', None)
    program = sys.argv if spec is None else ['-m', spec.name] + sys.argv[1:]
    # Python opens sockets close-on-exec, so the port is free for the program that takes over.
    os.execv(sys.executable, [sys.executable] + program)
