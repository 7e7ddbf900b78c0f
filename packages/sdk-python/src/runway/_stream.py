"""A connection as a stream of bytes with deadlines and limits."""

import selectors
import socket
import threading
import time

_CHUNK = 1 << 18

# Beyond a fixed grace, a peer has to move at least this many bytes per second.
_MIN_RATE = 16 << 10
_GRACE = 30


class Closed(Exception):
    """The peer is gone, or was too slow for its deadline."""


class Late(Closed):
    """The peer is still there, but what it sends did not come in time."""


class Full(Exception):
    """There are too many bytes of requests in memory already."""


class Budget(object):
    """How many bytes the requests of all connections together may keep in memory."""

    def __init__(self, size):
        self._left = size
        self._lock = threading.Lock()

    def take(self, size):
        with self._lock:
            if size > self._left:
                raise Full()
            self._left -= size

    def give_back(self, size):
        with self._lock:
            self._left += size


class Stream(object):
    """Reads what it is asked for and keeps what came along with it.

    One thread may read while another writes. A socket has one timeout for both directions, and
    setting it in two threads can leave a socket that blocks where it should not, so the socket
    never blocks and each direction waits by a selector of its own.
    """

    def __init__(self, sock):
        sock.setblocking(False)
        self.socket = sock
        self._buffer = b''
        self._readable = _selector(sock, selectors.EVENT_READ)
        self._writable = _selector(sock, selectors.EVENT_WRITE)

    def wait(self, seconds):
        """Wait for the first bytes of whatever comes next; False if the peer closed instead, or
        nothing came within that many seconds (None: however long it takes)."""
        if not self._buffer:
            try:
                self._buffer = self._receive(65536, None if seconds is None
                                             else time.monotonic() + seconds)
            except Closed:
                return False
        return True

    def read_until(self, mark, limit, seconds):
        """The bytes before a mark, or None if it does not come within `limit` bytes."""
        deadline = time.monotonic() + seconds
        searched = 0
        while True:
            place = self._buffer.find(mark, searched)
            if place > limit or (place < 0 and len(self._buffer) > limit):
                return None
            if place >= 0:
                found = self._buffer[:place]
                self._buffer = self._buffer[place + len(mark):]
                return found
            searched = max(0, len(self._buffer) - len(mark) + 1)
            self._buffer += self._receive(65536, deadline)

    def read(self, size, budget=None):
        """Exactly `size` bytes, taken from a budget as they arrive."""
        head = self._buffer[:size]
        self._buffer = self._buffer[size:]
        if len(head) == size:
            if budget is not None:
                budget.take(size)
            return head
        parts, missing, taken = [head], size - len(head), 0
        deadline = time.monotonic() + _GRACE + size / _MIN_RATE
        try:
            if budget is not None:
                budget.take(len(head))
                taken = len(head)
            while missing:
                part = self._receive(min(missing, _CHUNK), deadline)
                if budget is not None:
                    budget.take(len(part))
                    taken += len(part)
                parts.append(part)
                missing -= len(part)
        except BaseException:
            if budget is not None:
                budget.give_back(taken)
            raise
        return b''.join(parts)

    def write(self, data):
        """Send everything; the whole has a deadline, so that a peer cannot stop reading forever."""
        deadline = time.monotonic() + _GRACE + len(data) / _MIN_RATE
        rest = memoryview(data)
        while rest:
            left = _left(deadline)
            try:
                rest = rest[self.socket.send(rest):]
            except BlockingIOError:
                self._writable.select(left)
            except OSError:
                raise Closed() from None

    def close(self):
        """Close, letting the peer read what was sent even if it is still sending itself."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + 2
            while self._receive(65536, deadline):
                pass
        except (Closed, OSError):
            pass
        self.socket.close()

    def abort(self):
        """End the connection now; a thread that reads from it finds it closed."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _receive(self, size, deadline):
        """The next bytes, at most `size`; a deadline of None never comes."""
        while True:
            left = _left(deadline)
            try:
                data = self.socket.recv(size)
            except BlockingIOError:
                self._readable.select(left)
                continue
            except OSError:
                raise Closed() from None
            if not data:
                raise Closed()
            return data


def _left(deadline):
    """Seconds that are left, or None for ever; raises `Late` when there are none."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise Late()
    return left


def _selector(sock, event):
    # Of those that the machine has, one that takes no file descriptor and, where there is poll,
    # any number of a socket.
    selector = getattr(selectors, 'PollSelector', selectors.SelectSelector)()
    selector.register(sock, event)
    return selector
