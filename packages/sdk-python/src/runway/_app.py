"""The HTTP application: from a request to an answer, without sockets.

Every answer is JSON, also the errors, and may be read from any origin.
"""

import collections
import json
import os
import traceback
from urllib.parse import quote, unquote

from ._images import OUTPUT_FORMATS
from .exceptions import InvalidArgumentError, RunwayError
from .utils import TooLarge, dump_json, gzip_compress, gzip_decompress, load_json

# Header names are in lower case; `path` is as it was sent, without the query.
Request = collections.namedtuple('Request', ['method', 'path', 'headers', 'body'])
Response = collections.namedtuple('Response', ['status', 'headers', 'body'])

MESSAGES = {
    400: 'Bad request.',
    401: "Unauthorized (well... really unauthenticated but hey I didn't write the spec).",
    403: 'Forbidden.',
    404: 'Not found.',
    405: 'Method not allowed.',
    500: 'Internal server error.',
}
NOT_JSON = 'The body of all POST requests must contain JSON'

# Level 1: bodies are mostly base64 or digits, on which higher levels take long and gain little.
_COMPRESSION_LEVEL = 1

_MAX_BODY_SIZE = 256 << 20


class HttpError(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, code, message=None):
        super().__init__(code)
        self.code = code
        self.message = message or MESSAGES[code]


class App(object):
    """The routes of a model."""

    def __init__(self, model):
        self.config = {
            'TESTING': False,
            'COMPRESS_MIN_SIZE': 500,
            'MAX_CONTENT_LENGTH': int(os.environ.get('RW_MAX_BODY_SIZE') or _MAX_BODY_SIZE),
        }
        self._model = model
        self._routes = {}

    def route(self, path, methods=('GET',)):
        """Add a route of one's own; what its function returns is answered as JSON."""
        def remember(function):
            self._routes[path] = (function, methods)
            return function

        return remember

    def test_client(self):
        """A client that calls this application directly."""
        return TestClient(self)

    def handle(self, request):
        """Answer a request; never raises."""
        if request.method == 'OPTIONS' and self._is_known(request.path):
            return self._preflight(request)
        try:
            status, body = 200, self._answer(request)
        except Exception as error:
            status, body = self._error(error)
        return self._respond(request, status, body)

    def error_response(self, error):
        """The answer to what is not even a request."""
        return Response(error.code, [('Content-Type', 'application/json'),
                                     ('Access-Control-Allow-Origin', '*')],
                        dump_json({'error': error.message}))

    # One method per route. Each returns JSON bytes, because a command's answer is encoded while
    # its turn lasts.

    def _answer(self, request):
        own = self._routes.get(request.path)
        if own is not None:
            function, methods = own
            self._allow(request, methods)
            return dump_json(function())
        name = self._name(request.path)
        if name is None:
            raise HttpError(404)
        if name in ('', 'meta'):
            self._allow(request, ('GET',))
            return dump_json(self._model.meta())
        if name == 'healthcheck':
            self._allow(request, ('GET',))
            return dump_json({'status': self._model.running_status})
        self._allow(request, ('GET', 'POST'))
        if name == 'setup':
            return self._setup(request)
        return self._command(request, name)

    def _setup(self, request):
        if request.method != 'POST':
            return dump_json([field.to_dict() for field in self._model.options])
        self._model.set_up(self._json_object(request))
        return dump_json({'success': True})

    def _command(self, request, name):
        command = self._model.get_command(name)
        if request.method != 'POST':
            return dump_json(command.to_dict())
        inputs = self._json_object(request)
        formats = read_formats(request.headers.get('x-runway-output-format', ''))
        values = self._model.read_inputs(command, inputs)
        return self._model.infer(command, values, formats)

    def _name(self, path):
        """The one part that a path of ours has, or None; `%2F` in it is part of the name."""
        if not path.startswith('/'):
            path = '/' + path
        return None if '/' in path[1:] else unquote(path[1:])

    def _is_known(self, path):
        return path in self._routes or self._name(path) is not None

    def _allow(self, request, methods):
        # HEAD is a GET whose body the server leaves out.
        if request.method not in methods and not (request.method == 'HEAD' and 'GET' in methods):
            raise HttpError(405)

    def _json_object(self, request):
        body = request.body
        try:
            # Gzip only where the body says that it is JSON; everything else has to be JSON as is.
            if (request.headers.get('content-encoding', '').strip().lower() == 'gzip'
                    and 'json' in request.headers.get('content-type', '').lower()):
                body = gzip_decompress(body, self.config['MAX_CONTENT_LENGTH'])
            value = load_json(body)
        except TooLarge:
            raise HttpError(413, 'The body is too large when decompressed.') from None
        except ValueError:
            raise HttpError(400, NOT_JSON) from None
        if not isinstance(value, dict):
            raise HttpError(400, NOT_JSON)
        return value

    def _error(self, error):
        """Status and JSON bytes for an exception, while it is being handled."""
        if isinstance(error, RunwayError):
            if error.code >= 500:
                error.print_exception()
            return error.code, dump_json(error.to_response())
        code = getattr(error, 'code', None)
        # Web frameworks' exceptions carry a status too; those of other libraries carry anything.
        if not isinstance(code, int) or not 400 <= code <= 599:
            traceback.print_exc()
            code = 500
        message = error.message if isinstance(error, HttpError) else _message_of(code)
        return code, dump_json({'error': message})

    def _preflight(self, request):
        headers = [
            ('Access-Control-Allow-Origin', '*'),
            ('Access-Control-Allow-Methods', 'GET, HEAD, POST, OPTIONS'),
            ('Access-Control-Max-Age', '86400'),
            ('Content-Type', 'application/json'),
        ]
        wanted = request.headers.get('access-control-request-headers')
        if wanted:
            headers.append(('Access-Control-Allow-Headers', wanted))
            headers.append(('Vary', 'Access-Control-Request-Headers'))
        return Response(200, headers, b'{}')

    def _respond(self, request, status, body):
        headers = [
            ('Content-Type', 'application/json'),
            ('Access-Control-Allow-Origin', '*'),
            ('Vary', 'Accept-Encoding'),
        ]
        if (len(body) >= self.config['COMPRESS_MIN_SIZE']
                and _accepts_gzip(request.headers.get('accept-encoding', ''))):
            body = gzip_compress(body, _COMPRESSION_LEVEL)
            headers.append(('Content-Encoding', 'gzip'))
        return Response(status, headers, body)


class TestClient(object):
    """Calls an application directly, with the surface of a web framework's test client."""

    __test__ = False  # Not a test case, whatever a collector makes of the name.

    def __init__(self, app):
        self._app = app

    def get(self, path, headers=None):
        return self.open('GET', path, headers=headers)

    def post(self, path, **request):
        return self.open('POST', path, **request)

    def put(self, path, **request):
        return self.open('PUT', path, **request)

    def delete(self, path, **request):
        return self.open('DELETE', path, **request)

    def options(self, path, headers=None):
        return self.open('OPTIONS', path, headers=headers)

    def head(self, path, headers=None):
        return self.open('HEAD', path, headers=headers)

    def open(self, method, path, json=None, data=b'', content_type=None, headers=None):
        """Send a request; `json` is encoded, `data` is sent as it is."""
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if json is not None:
            data = dump_json(json)
            sent.setdefault('content-type', 'application/json')
        if content_type is not None:
            sent['content-type'] = content_type
        if isinstance(data, str):
            data = data.encode('utf-8')
        path = quote('/' + path.lstrip('/').split('?')[0], safe="/%")
        response = self._app.handle(Request(method, path, sent, data))
        return TestResponse(response)


class TestResponse(object):
    """What the test client received."""

    __test__ = False

    def __init__(self, response):
        self.status_code = response.status
        self.headers = dict(response.headers)
        self.data = response.body

    @property
    def is_json(self):
        return self.headers.get('Content-Type') == 'application/json'

    @property
    def json(self):
        body = self.data
        if self.headers.get('Content-Encoding') == 'gzip':
            body = gzip_decompress(body)
        return json.loads(body.decode('utf-8'))

    def get_json(self):
        return self.json


def read_formats(header):
    """`X-Runway-Output-Format: name=FORMAT; name2=FORMAT` as a dict."""
    formats = {}
    for item in header.split(';'):
        if not item.strip():
            continue
        name, equals, output_format = item.partition('=')
        if not equals or not name.strip():
            raise InvalidArgumentError(
                'X-Runway-Output-Format', 'expected "name=FORMAT", found "%s".' % item.strip())
        formats[name.strip()] = output_format.strip()
    return check_formats(formats)


def check_formats(formats):
    """The formats in upper case; InvalidArgumentError for one that we cannot write."""
    if not isinstance(formats, dict):
        raise InvalidArgumentError('outputFormat', 'expected an object of formats by output name.')
    known = {}
    for name, output_format in formats.items():
        known[name] = str(output_format).upper()
        if known[name] not in OUTPUT_FORMATS:
            raise InvalidArgumentError(
                name, 'unknown output format "%s"; there are JPEG, PNG and EXR.' % output_format)
    return known


def _accepts_gzip(header):
    for item in header.lower().split(','):
        name, _, weight = item.partition(';')
        if name.strip() in ('gzip', '*'):
            weight = weight.replace(' ', '')
            try:
                return not weight.startswith('q=') or float(weight[2:]) > 0
            except ValueError:
                return False
    return False


def _message_of(code):
    if code in MESSAGES:
        return MESSAGES[code]
    from http.client import responses
    return responses.get(code, 'Error %d' % code) + '.'
