"""A small HTTP/1.1 server: one thread per connection, so that none waits for another's network.

It parses and frames; what a request means is the application's business (`_app`), and a
WebSocket's frames are read in `_websocket`.
"""

import socket
import threading
import time
from typing import Dict

from . import _websocket
from ._app import HttpError, Request
from ._jobs import Jobs
from ._stream import Budget, Closed, Full, Late, Stream

MAX_CONNECTIONS = 256
MAX_HEAD = 32 << 10
MAX_HEADERS = 100
HEAD_SECONDS = 15
IDLE_SECONDS = 75

_BIND_SECONDS = 5
_DAYS = ('Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun')
_MONTHS = ('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec')


class CannotListen(Exception):
    """The port is taken, or the address is not one of this machine's."""


def start(model, host, port):
    """Listen, and answer from threads of its own."""
    try:
        listener = _listen(host, port)
    except OSError as error:
        raise CannotListen('The model server cannot listen on %s:%d: %s.'
                           % (host, port, error)) from error
    server = Server(model, listener)
    threading.Thread(target=server.accept, name='runway-accept', daemon=True).start()
    return server


def _listen(host, port):
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    deadline = time.monotonic() + _BIND_SECONDS
    while True:
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
            return listener
        except OSError:
            listener.close()
            # The program that this one replaces may still be closing its port.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        except BaseException:
            listener.close()
            raise


class Server(object):
    """A listening socket and the connections that came through it."""

    def __init__(self, model, listener):
        self.port = listener.getsockname()[1]
        self._app = model.app
        self._jobs = Jobs(model)
        self._listener = listener
        self._connections = set()
        self._lock = threading.Lock()
        self._closed = False
        # A few of the largest bodies at once, however many connections there are.
        self._budget = Budget(4 * self._app.config['MAX_CONTENT_LENGTH'])

    def accept(self):
        """Give each connection a thread, until the server is closed."""
        while not self._closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._closed:
                    return
                time.sleep(0.05)  # Out of file descriptors; some are closed soon.
                continue
            with self._lock:
                room = len(self._connections) < MAX_CONNECTIONS
                if room:
                    self._connections.add(connection)
            serve = self._serve if room else self._turn_away
            try:
                threading.Thread(target=serve, args=(connection,), daemon=True).start()
            except RuntimeError:  # No thread to be had.
                self._forget(connection)
                connection.close()

    def close(self):
        """Free the port and end all connections."""
        self._closed = True
        # Shutting down wakes the thread in accept(), which closing alone does not.
        _shut(self._listener)
        self._listener.close()
        # Without the lock: a signal handler calls this, and may have interrupted its holder.
        for connection in list(self._connections):
            _shut(connection)

    def _forget(self, connection):
        with self._lock:
            self._connections.discard(connection)

    def _turn_away(self, connection):
        stream = Stream(connection)
        try:
            self._send_error(stream, HttpError(503, 'The server has too many connections.'))
        except Closed:
            pass
        stream.close()

    def _serve(self, connection):
        stream = Stream(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            while stream.wait(IDLE_SECONDS) and self._exchange(stream):
                pass
        except (Closed, OSError):
            pass
        except HttpError as error:
            try:
                self._send_error(stream, error)
            except Closed:
                pass
        finally:
            stream.close()
            self._forget(connection)

    def _exchange(self, stream):
        """One request and its answer; whether the connection stays open after it."""
        method, target, version, headers = _read_head(stream)
        path = _path(target)
        if _websocket.is_upgrade(method, headers) and path == '/':
            _websocket.accept(stream, headers)
            self._jobs.serve(stream, self._app.config['MAX_CONTENT_LENGTH'], self._budget)
            return False
        try:
            body = self._read_body(stream, version, headers)
        except Full:
            raise HttpError(503, 'The server is busy with other large requests.') from None
        except Late:
            raise HttpError(408, 'The body came too slowly.') from None
        try:
            response = self._app.handle(Request(method, path, headers, body))
        finally:
            self._budget.give_back(len(body))
        del body
        keep = _keeps_alive(version, headers)
        _send(stream, response, keep, method == 'HEAD')
        return keep

    def _read_body(self, stream, version, headers):
        limit = self._app.config['MAX_CONTENT_LENGTH']
        chunked, length = _framing(headers)
        if length > limit:
            raise HttpError(413, 'The body is larger than %d bytes.' % limit)
        if not chunked and not length:
            return b''
        if version == 'HTTP/1.1' and headers.get('expect', '').lower() == '100-continue':
            stream.write(b'HTTP/1.1 100 Continue\r\n\r\n')
        if chunked:
            return _read_chunks(stream, limit, self._budget)
        return stream.read(length, self._budget)

    def _send_error(self, stream, error):
        _send(stream, self._app.error_response(error), False, False)


def _read_head(stream):
    head = stream.read_until(b'\r\n\r\n', MAX_HEAD, HEAD_SECONDS)
    if head is None:
        raise HttpError(431, 'The headers are larger than %d bytes.' % MAX_HEAD)
    # RFC 9112 lets a request begin with empty lines.
    lines = head.lstrip(b'\r\n').decode('latin-1').split('\r\n')
    words = lines[0].split(' ')
    if len(words) != 3 or words[2] not in ('HTTP/1.1', 'HTTP/1.0'):
        raise HttpError(400, 'The request line is not HTTP/1.1.')
    if len(lines) > MAX_HEADERS + 1:
        raise HttpError(431, 'There are more than %d headers.' % MAX_HEADERS)
    headers: Dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(':')
        # A blank before the colon, or a folded line, is read differently by different servers.
        if not colon or not name or name != name.strip() or '\n' in line or '\0' in line:
            raise HttpError(400, 'A header line cannot be read.')
        name, value = name.lower(), value.strip()
        if name in headers:
            if name in ('content-length', 'transfer-encoding', 'host'):
                raise HttpError(400, 'The header %s is there twice.' % name)
            value = headers[name] + ', ' + value
        headers[name] = value
    return words[0], words[1], words[2], headers


def _path(target):
    path = target.split('?', 1)[0].split('#', 1)[0]
    if '://' in path and not path.startswith('/'):
        # The absolute form, which proxies use.
        path = '/' + path.split('://', 1)[1].partition('/')[2]
    return path or '/'


def _framing(headers):
    """How the body is delimited: `(chunked, length)`."""
    encoding = headers.get('transfer-encoding')
    length = headers.get('content-length')
    if encoding is not None:
        if length is not None:
            raise HttpError(400, 'Content-Length and Transfer-Encoding exclude each other.')
        if encoding.lower() != 'chunked':
            raise HttpError(501, 'The only transfer encoding understood is chunked.')
        return True, 0
    if length is None:
        return False, 0
    if not (length.isdecimal() and len(length) <= 18):
        raise HttpError(400, 'Content-Length is not a number.')
    return False, int(length)


def _read_chunks(stream, limit, budget):
    parts, size = [], 0
    try:
        while True:
            line = stream.read_until(b'\r\n', 1024, HEAD_SECONDS)
            digits = (line or b'').split(b';')[0].strip()
            if not digits or len(digits) > 16 or digits.strip(b'0123456789abcdefABCDEF'):
                raise HttpError(400, 'The size of a chunk cannot be read.')
            length = int(digits, 16)
            if size + length > limit:
                raise HttpError(413, 'The body is larger than %d bytes.' % limit)
            if length == 0:
                break
            parts.append(stream.read(length, budget))
            size += length
            if stream.read(2) != b'\r\n':
                raise HttpError(400, 'A chunk does not end where it said.')
        for _ in range(MAX_HEADERS + 1):
            trailer = stream.read_until(b'\r\n', MAX_HEAD, HEAD_SECONDS)
            if not trailer:
                return b''.join(parts)
        raise HttpError(431, 'There are too many trailers.')
    except BaseException:
        budget.give_back(size)
        raise


def _keeps_alive(version, headers):
    wish = headers.get('connection', '').lower()
    if version == 'HTTP/1.0':
        return 'keep-alive' in wish
    return 'close' not in wish


def _send(stream, response, keep, head_only):
    lines = ['HTTP/1.1 %d %s' % (response.status, _reason(response.status)), _date_line()]
    for name, value in response.headers:
        lines.append('%s: %s' % (name, value))
    lines.append('Content-Length: %d' % len(response.body))
    lines.append('Connection: keep-alive' if keep else 'Connection: close')
    head = ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1', 'replace')
    if head_only:
        stream.write(head)
    elif len(response.body) < 65536:
        stream.write(head + response.body)
    else:
        # Not joined, to spare a copy of a large body.
        stream.write(head)
        stream.write(response.body)


def _reason(status):
    if status == 200:
        return 'OK'
    from http.client import responses
    return responses.get(status, 'Error')


_date = (0, '')


def _date_line():
    global _date
    second = int(time.time())
    if _date[0] != second:
        # Not strftime: it writes day and month in the language of the machine.
        now = time.gmtime(second)
        _date = (second, 'Date: %s, %02d %s %d %02d:%02d:%02d GMT' % (
            _DAYS[now.tm_wday], now.tm_mday, _MONTHS[now.tm_mon - 1], now.tm_year,
            now.tm_hour, now.tm_min, now.tm_sec))
    return _date[1]


def _shut(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
