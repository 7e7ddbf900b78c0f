"""What the tests share: skipping, models in a process of their own, a WebSocket client."""

import base64
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
import warnings

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SRC = os.path.join(ROOT, 'src')
if SRC not in sys.path:
    sys.path.insert(0, SRC)

PATIENCE = 15


class Case(unittest.TestCase):
    """A test case in which warnings are errors."""

    def setUp(self):
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter('error')

    def temporary_directory(self):
        path = tempfile.mkdtemp(prefix='runway-test-')
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def environment(self, **variables):
        """Set variables (None removes one) until the test ends."""
        for name, value in variables.items():
            self.addCleanup(_set_variable, name, os.environ.get(name))
            _set_variable(name, value)

    def quiet_stderr(self):
        """Collect what is written to stderr until the test ends."""
        import io
        collected, real = io.StringIO(), sys.stderr
        sys.stderr = collected
        self.addCleanup(setattr, sys, 'stderr', real)
        return collected


def _set_variable(name, value):
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def needs(*modules):
    """Skip, saying why, where an optional library is not installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return unittest.skipIf(missing, 'needs %s, not installed here' % ' and '.join(missing))


def eventually(condition, seconds=PATIENCE):
    """Wait until a condition holds; its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.01)


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def model_environment(**variables):
    """The environment for a model's process: our package, and no settings from outside."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith('RW_') and name != 'GPU'}
    kept['PYTHONPATH'] = SRC
    kept['PYTHONDONTWRITEBYTECODE'] = '1'
    kept.update(variables)
    return kept


def run_model(source, cwd=None, python_options=('-W', 'error'), **variables):
    """Run a model to its end; `(exit code, stdout, stderr)`."""
    result = subprocess.run(
        [sys.executable] + list(python_options) + ['-c', textwrap.dedent(source)],
        cwd=cwd, env=model_environment(**variables), timeout=PATIENCE * 2,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return result.returncode, result.stdout.decode('utf-8'), result.stderr.decode('utf-8')


class Served(object):
    """A model that serves in a process of its own; a context manager."""

    def __init__(self, source=None, path=None, cwd=None, wait=True, python=sys.executable,
                 warnings='error', **variables):
        self.port = free_port()
        command = [python, '-W', warnings, '-X', 'faulthandler']
        command += ['-c', textwrap.dedent(source)] if path is None else [path]
        variables.setdefault('RW_HOST', '127.0.0.1')
        variables.setdefault('RW_PORT', str(self.port))
        self._errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, cwd=cwd, env=model_environment(**variables),
            stdout=subprocess.PIPE, stderr=self._errors)
        self.output = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            self.wait_for('Starting model server')

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()

    def wait_for(self, text):
        """Wait until the process has printed something."""
        def printed():
            return any(text in line for line in self.output) or self.process.poll() is not None

        eventually(printed)
        if not any(text in line for line in self.output):
            self.stop()
            raise AssertionError('The model did not print %r but:\n%s\n%s' % (
                text, ''.join(self.output), self.stderr()))

    def stderr(self):
        self._errors.seek(0)
        return self._errors.read().decode('utf-8', 'replace')

    def stop(self, number=signal.SIGTERM):
        """End the process; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # Its threads' stacks, where faulthandler is on, say what it was waiting for.
            self.process.send_signal(signal.SIGABRT)
            code = 'did not end on signal %d' % number
            self.process.wait()
        self._reader.join(PATIENCE)
        self.process.stdout.close()
        self.last_errors = self.stderr() if not self._errors.closed else ''
        self._errors.close()
        if isinstance(code, str):
            raise AssertionError('The model %s:\n%s' % (code, self.last_errors))
        return code

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """`(status, headers, bytes)` of a request on a connection of its own."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode('utf-8')
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path, **more):
        status, _, body = self.request('GET', path, **more)
        return status, json.loads(body.decode('utf-8'))

    def post(self, path, body, **more):
        status, _, answer = self.request('POST', path, body, **more)
        return status, json.loads(answer.decode('utf-8'))

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), timeout=PATIENCE)

    def websocket(self):
        return WebSocket(self.port)

    def _read(self):
        for line in self.process.stdout:
            self.output.append(line.decode('utf-8', 'replace'))


class WebSocket(object):
    """A client that also lets a test send what no proper client would."""

    def __init__(self, port, path='/'):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=PATIENCE)
        self._file = self.socket.makefile('rb')
        key = base64.b64encode(os.urandom(16)).decode('ascii')
        self.socket.sendall((
            'GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            'Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n' % (path, key)
        ).encode('ascii'))
        self.status = self._file.readline().decode('ascii')
        while self._file.readline() not in (b'\r\n', b''):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self._file.close()
        self.socket.close()

    def send(self, message):
        data = message if isinstance(message, bytes) else json.dumps(message).encode('utf-8')
        self.send_frame(1, data)

    def send_frame(self, kind, data, final=True, mask=b'\x01\x02\x03\x04'):
        first = kind | (0x80 if final else 0)
        masked = 0x80 if mask else 0
        if len(data) < 126:
            head = struct.pack('>BB', first, masked | len(data))
        elif len(data) < 65536:
            head = struct.pack('>BBH', first, masked | 126, len(data))
        else:
            head = struct.pack('>BBQ', first, masked | 127, len(data))
        if mask:
            repeated = (mask * (len(data) // 4 + 1))[:len(data)]
            whole = int.from_bytes(data, 'big') ^ int.from_bytes(repeated, 'big')
            data = whole.to_bytes(len(data), 'big')
        self.socket.sendall(head + mask + data)

    def receive_frame(self):
        """`(kind, bytes)`, or None at the end of the connection."""
        head = self._file.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 0x7f
        if length == 126:
            length = struct.unpack('>H', self._file.read(2))[0]
        elif length == 127:
            length = struct.unpack('>Q', self._file.read(8))[0]
        return head[0] & 0x0f, self._file.read(length)

    def receive(self):
        """The next message, from JSON."""
        frame = self.receive_frame()
        if frame is None:
            raise AssertionError('The server closed the WebSocket.')
        kind, data = frame
        if kind != 1:
            raise AssertionError('Expected a text frame, received kind %d: %r' % (kind, data))
        return json.loads(data.decode('utf-8'))

    def receive_until_end(self, job_id):
        """All messages of a job up to its last one; those of other jobs are dropped."""
        messages = []
        while not messages or messages[-1]['type'] not in ('succeeded', 'failed', 'cancelled'):
            message = self.receive()
            if message['id'] == job_id:
                messages.append(message)
        return messages
