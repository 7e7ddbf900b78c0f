"""Who may use the model, and when: one caller at a time, first come first served.

While the server runs, handlers are called in the thread that called `run` (normally the main
one), the same that ran set-up: TensorFlow's default graph, sqlite connections, GL contexts and
event loops belong to the thread that made them. Without a server a caller's own thread does it.
"""

import collections
import threading
from typing import Any, Callable, Deque

_LONGEST_SLEEP = 0.5


class Turns(object):
    """A queue of calls, made one at a time."""

    def __init__(self):
        self._waiting: Deque[Callable[[], Any]] = collections.deque()
        # Held while there is nothing to do; releasing it wakes the serving thread.
        self._news = threading.Lock()
        self._owner = None
        self._stopping = False
        self._inline = threading.RLock()

    def attach(self):
        """From now on calls wait for this thread to `serve` them."""
        self._owner = threading.get_ident()
        self._stopping = False

    def serve(self):
        """Make the waiting calls, and those to come, until `stop`."""
        while not self._stopping:
            # A signal is acted on between two steps of this thread. `_signals` wakes it, unless the
            # model took that away (asyncio does), so the sleep is never long.
            self._news.acquire(timeout=_LONGEST_SLEEP)
            while self._waiting and not self._stopping:
                self._waiting.popleft()()

    def detach(self):
        """Undo `attach`; the callers that still wait are told that nobody serves them."""
        self._owner = None
        while self._waiting:
            call = self._waiting.popleft()
            if isinstance(call, _Turn):
                call.give_up()

    def stop(self):
        """End `serve`."""
        self._stopping = True
        self.wake()

    def post(self, call):
        """Have a call made when its turn comes, without waiting for it."""
        self._waiting.append(call)
        self.wake()

    def withdraw(self, call):
        """Drop a posted call; False if its turn came already."""
        try:
            self._waiting.remove(call)
            return True
        except ValueError:
            return False

    def run(self, function):
        """Call a function when its turn comes; what it returns or raises."""
        if self._owner is None:
            with self._inline:
                return function()
        if self._owner == threading.get_ident():
            return function()
        turn = _Turn(function)
        self.post(turn)
        return turn.wait()

    def wake(self):
        """Have the serving thread look whether there is anything to do."""
        try:
            self._news.release()
        except RuntimeError:
            pass  # Not held: the serving thread has been told already.


class _Turn(object):
    def __init__(self, function):
        self._function = function
        self._result = None
        self._error = None
        self._done = threading.Lock()
        self._done.acquire()

    def __call__(self):
        try:
            self._result = self._function()
        except Exception as error:
            self._error = error
        except BaseException:
            # Someone ends the process from inside a handler; its caller gets a plain failure.
            self._error = RuntimeError('The model ended its process.')
            raise
        finally:
            self._function = None
            self._done.release()

    def give_up(self):
        self._error = RuntimeError('The model server stopped.')
        self._done.release()

    def wait(self):
        self._done.acquire()
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._result
