"""WebSocket (RFC 6455), the server's side: the handshake, and messages in and out."""

import base64
import collections
import hashlib
import struct
import sys
import threading
import time
from typing import Deque, Tuple

from ._app import HttpError
from ._stream import Closed, Full

_MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10

# A client that does not read may hold this much, for so long, before it is let go.
_MAX_WAITING = 64 << 20
_PATIENCE = 10


class _Violation(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def is_upgrade(method, headers):
    """Whether a request asks for a WebSocket."""
    return method == 'GET' and headers.get('upgrade', '').lower() == 'websocket'


def accept(stream, headers):
    """Answer the handshake."""
    key = headers.get('sec-websocket-key', '')
    try:
        is_key = len(base64.b64decode(key, validate=True)) == 16
    except ValueError:
        is_key = False
    if (not is_key or headers.get('sec-websocket-version') != '13'
            or 'upgrade' not in headers.get('connection', '').lower()):
        raise HttpError(400, 'The WebSocket handshake cannot be read.')
    digest = hashlib.sha1((key + _MAGIC).encode('ascii')).digest()
    stream.write((
        'HTTP/1.1 101 Switching Protocols\r\n'
        'Upgrade: websocket\r\n'
        'Connection: Upgrade\r\n'
        'Sec-WebSocket-Accept: %s\r\n\r\n' % base64.b64encode(digest).decode('ascii')
    ).encode('ascii'))


class Connection(object):
    """Messages of an open WebSocket. Writing happens in a thread of its own, so that a handler
    that reports progress does not wait for a slow network."""

    def __init__(self, stream, max_size, budget):
        self._stream = stream
        self._max_size = max_size
        self._budget = budget
        self._changed = threading.Condition()
        self._frames: Deque[Tuple[int, bytes]] = collections.deque()
        self._waiting = 0
        self._open = True
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def send(self, data):
        """Send a text message given as UTF-8 bytes; nothing happens once the peer is gone."""
        self._put(_TEXT, data)

    def messages(self):
        """The text messages that arrive, until the peer closes or breaks the protocol."""
        try:
            for kind, data in self._read_messages():
                if kind == _TEXT:
                    yield data
        except Closed:
            pass
        except Full:
            self._put(_CLOSE, struct.pack('>H', 1013))
        except _Violation as violation:
            self._put(_CLOSE, struct.pack('>H', violation.code))

    def close(self):
        """Send what waits, then end."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        self._writer.join(_PATIENCE)

    def _read_messages(self):
        """Whole messages as `(kind, bytes)`; their bytes are given back to the budget when the
        next one is asked for."""
        parts, first_kind, size = [], None, 0
        try:
            while True:
                final, kind, length = self._read_frame_head()
                if kind >= _CLOSE:
                    if not final or length > 125:
                        raise _Violation(1002)
                    data = self._read_payload(length)
                    if kind == _CLOSE:
                        self._put(_CLOSE, data[:2])
                        return
                    if kind == _PING:
                        self._put(_PONG, data)
                    continue
                # A message is one frame of a kind and then frames of kind 0, the last one final.
                if (kind == 0) != (first_kind is not None) or kind > _BINARY:
                    raise _Violation(1002)
                if size + length > self._max_size:
                    raise _Violation(1009)
                if kind:
                    first_kind = kind
                parts.append(self._read_payload(length, self._budget))
                size += length
                if final:
                    yield first_kind, b''.join(parts)
                    self._budget.give_back(size)
                    parts, first_kind, size = [], None, 0
        finally:
            self._budget.give_back(size)

    def _read_frame_head(self):
        # A connection may be silent for as long as it likes, but not in the middle of a frame.
        if not self._stream.wait(None):
            raise Closed()
        first, second = self._stream.read(2)
        if first & 0x70 or not second & 0x80:
            raise _Violation(1002)  # An extension that we did not agree to, or no mask.
        length = second & 0x7f
        if length == 126:
            length = struct.unpack('>H', self._stream.read(2))[0]
        elif length == 127:
            length = struct.unpack('>Q', self._stream.read(8))[0]
        if length > self._max_size:
            raise _Violation(1009)
        return bool(first & 0x80), first & 0x0f, length

    def _read_payload(self, length, budget=None):
        mask = self._stream.read(4)
        return _unmask(self._stream.read(length, budget), mask)

    def _put(self, kind, data):
        with self._changed:
            deadline = time.monotonic() + _PATIENCE
            while self._open and self._waiting > _MAX_WAITING:
                if not self._changed.wait(deadline - time.monotonic()):
                    self._open = False
                    # Ends the reading thread too, which cancels the connection's jobs.
                    self._stream.abort()
            if self._open:
                self._frames.append((kind, data))
                self._waiting += len(data)
                self._changed.notify_all()

    def _write(self):
        while True:
            with self._changed:
                while self._open and not self._frames:
                    self._changed.wait()
                if not self._frames:
                    return
                kind, data = self._frames.popleft()
            try:
                self._stream.write(_frame(kind, data))
            except Closed:
                with self._changed:
                    self._open = False
                    self._frames.clear()
                    self._changed.notify_all()
                self._stream.abort()
                return
            with self._changed:
                self._waiting -= len(data)
                self._changed.notify_all()


def _frame(kind, data):
    if len(data) < 126:
        head = struct.pack('>BB', 0x80 | kind, len(data))
    elif len(data) < 65536:
        head = struct.pack('>BBH', 0x80 | kind, 126, len(data))
    else:
        head = struct.pack('>BBQ', 0x80 | kind, 127, len(data))
    return head + data


def _unmask(data, mask):
    # XOR of two large integers is the fastest loop over bytes that the standard library has.
    size = len(data)
    repeated = (mask * (size // 4 + 1))[:size]
    order = sys.byteorder
    return (int.from_bytes(data, order) ^ int.from_bytes(repeated, order)).to_bytes(size, order)
