"""Jobs: commands submitted over a WebSocket, with progress and cancel.

A client sends `submit` and `cancel`; it hears `started`, then `output` any number of times, then
exactly one of `succeeded`, `failed` and `cancelled`, each with the job's id.
"""

import collections
import threading
import time
import uuid
from typing import Deque, Dict

from . import _websocket
from ._app import check_formats
from .exceptions import InvalidArgumentError, MissingArgumentError, RunwayError
from .utils import dump_json, load_json

MAX_OPEN_JOBS = 256
MAX_ID_LENGTH = 256

# Ids are refused for the server's whole life, up to a number that nobody reaches by hand.
_MAX_REMEMBERED_IDS = 200000


class Jobs(object):
    """The jobs of a server."""

    def __init__(self, model):
        self.model = model
        self._lock = threading.Lock()
        self._ids = set()
        self._id_order: Deque[str] = collections.deque()
        self._open = 0

    def serve(self, stream, max_size, budget):
        """Read messages from a WebSocket until it closes; its jobs end with it."""
        connection = _websocket.Connection(stream, max_size, budget)
        jobs: Dict[str, Job] = {}
        try:
            for data in connection.messages():
                try:
                    message = load_json(data)
                except ValueError:
                    continue
                if not isinstance(message, dict):
                    continue
                if message.get('type') == 'submit':
                    self._submit(connection, jobs, message)
                elif message.get('type') == 'cancel':
                    job_id = message.get('id')
                    if isinstance(job_id, str) and job_id in jobs:
                        jobs[job_id].cancel()
        finally:
            for job in list(jobs.values()):
                job.cancel()
            connection.close()

    def opened(self):
        """Count a job in; False if there are too many."""
        with self._lock:
            if self._open >= MAX_OPEN_JOBS:
                return False
            self._open += 1
            return True

    def closed(self):
        with self._lock:
            self._open -= 1

    def _submit(self, connection, jobs, message):
        job_id = message.get('id')
        refusal = None
        if job_id is None:
            job_id = uuid.uuid4().hex
        elif not isinstance(job_id, str) or not 0 < len(job_id) <= MAX_ID_LENGTH:
            job_id = uuid.uuid4().hex
            refusal = InvalidArgumentError(
                'id', 'expected a string of 1 to %d characters.' % MAX_ID_LENGTH)
        if not self._remember(job_id):
            return
        job = Job(self, connection, job_id, message, on_end=lambda: jobs.pop(job_id, None))
        jobs[job_id] = job
        job.start(refusal)

    def _remember(self, job_id):
        with self._lock:
            if job_id in self._ids:
                return False
            self._ids.add(job_id)
            self._id_order.append(job_id)
            if len(self._id_order) > _MAX_REMEMBERED_IDS:
                self._ids.discard(self._id_order.popleft())
            return True


class Job(object):
    """One submitted command."""

    def __init__(self, jobs, connection, job_id, message, on_end):
        self.id = job_id
        self._jobs = jobs
        self._model = jobs.model
        self._connection = connection
        self._message = message
        self._on_end = on_end
        self._lock = threading.Lock()
        self._ended = False
        self._counted = False
        self._started = time.monotonic()

    def start(self, refusal=None):
        """Say so, read the inputs in a thread (they may be downloads), then wait for a turn."""
        self._send('started')
        if refusal is not None:
            self._end('failed', error=refusal.message)
        elif not self._jobs.opened():
            self._end('failed', error='The server has too many open jobs.')
        else:
            self._counted = True
            try:
                threading.Thread(target=self._prepare, daemon=True).start()
            except RuntimeError:
                self._end('failed', error='The server has no thread for another job.')
                self._count_out()

    def cancel(self):
        """End at once for the client; a handler at work goes on to its next yield."""
        if self._end('cancelled') and self._model.withdraw(self._run):
            self._count_out()

    def _prepare(self):
        message, self._message = self._message, None
        try:
            self._command, self._values, self._formats = self._read(message)
        except Exception as error:
            self._fail(error)
        # Under the lock, so that a cancel comes either before this or finds the posted call.
        with self._lock:
            if not self._ended:
                self._model.post(self._run)
                return
        self._count_out()

    def _read(self, message):
        if 'command' not in message:
            raise MissingArgumentError('command')
        command = self._model.get_command(message['command'])
        inputs = message.get('inputData')
        if not isinstance(inputs, dict):
            raise InvalidArgumentError('inputData', 'expected an object of inputs by name.')
        formats = check_formats(message.get('outputFormat') or {})
        return command, self._model.read_inputs(command, inputs), formats

    def _run(self):
        """Call the handler; runs in the thread that serves the model."""
        try:
            answers = self._model.answers(self._command, self._values, self._formats)
            self._values = None
            try:
                while not self._ended:
                    try:
                        outputs, progress = next(answers)
                    except StopIteration:
                        break
                    if progress is None:
                        self._send('output', outputData=outputs)
                    else:
                        self._send('output', outputData=outputs, progress=progress)
            finally:
                answers.close()
            elapsed = int((time.monotonic() - self._started) * 1000)
            self._end('succeeded', timeElapsed=elapsed)
        except Exception as error:
            self._fail(error)
        finally:
            self._count_out()

    def _fail(self, error):
        if isinstance(error, RunwayError):
            if error.code >= 500:
                error.print_exception()
            response = error.to_response()
            self._end('failed', error=response['error'], traceback=response['traceback'])
        else:
            self._end('failed', error=repr(error))

    def _send(self, kind, **keys):
        data = dump_json(dict(type=kind, id=self.id, **keys))
        # Nothing follows the end of a job, so ending and sending exclude each other.
        with self._lock:
            if not self._ended:
                self._connection.send(data)

    def _end(self, kind, **keys):
        data = dump_json(dict(type=kind, id=self.id, **keys))
        with self._lock:
            if self._ended:
                return False
            self._ended = True
            self._connection.send(data)
        self._on_end()
        return True

    def _count_out(self):
        with self._lock:
            counted, self._counted = self._counted, False
        if counted:
            self._jobs.closed()
