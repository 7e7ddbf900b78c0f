"""Run the original SDK's own tests against this package.

    python3 try_original_suite.py PATH [--times N]

PATH is a checkout of the original SDK, of which only `tests/` is used; nothing of it is kept here.
Needs pytest, pytest-cov, deepdiff, flask, websocket-client, numpy and Pillow.

The tests were written for the Python and numpy of 2019 and download two files from the web. So
that they run today and offline, this file is also a pytest plugin that puts back two names that
have gone since (`numpy.float`, `base64.decodestring`) and answers the two downloads itself.
"""

import argparse
import base64
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
README = b'# Runway Python SDK\n'


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    arguments.add_argument('path', help='a checkout of the original SDK')
    arguments.add_argument('--times', type=int, default=1)
    given = arguments.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory() as place:
        prepare(given.path, place)
        for run in range(1, given.times + 1):
            started = time.monotonic()
            result = subprocess.run(
                [sys.executable, '-m', 'pytest', '-q', '-p', 'try_original_suite', '-p',
                 'no:cacheprovider', 'tests'],
                cwd=place, env=dict(os.environ, PYTHONPATH=HERE),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            output = result.stdout.decode('utf-8', 'replace')
            summary = re.findall(r'^.*\d+ (?:passed|failed|error).*$', output, re.MULTILINE)
            print('run %d: %s (%.0f s)' % (
                run, summary[-1].strip('= ') if summary else 'no result',
                time.monotonic() - started), flush=True)
            if result.returncode:
                failures += 1
                print(output, flush=True)
    sys.exit(1 if failures else 0)


def prepare(checkout, place):
    """A directory that looks like the original's, with our package in it."""
    shutil.copytree(os.path.join(checkout, 'tests'), os.path.join(place, 'tests'))
    os.symlink(os.path.join(HERE, 'src', 'runway'), os.path.join(place, 'runway'))
    os.makedirs(os.path.join(place, 'docs', 'source'))
    with open(os.path.join(place, 'README.md'), 'wb') as file:
        file.write(README)


class Downloads(BaseHTTPRequestHandler):
    """The two files that the tests fetch from release 0.0.57."""

    def do_GET(self):
        body = README if self.path.endswith('README.md') else archive()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def archive():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w:gz') as tar:
        member = tarfile.TarInfo('model-sdk-0.0.57/README.md')
        member.size = len(README)
        tar.addfile(member, io.BytesIO(README))
    return buffer.getvalue()


def pytest_configure(config):
    import numpy
    if 'float' not in vars(numpy):
        numpy.float = float
    if not hasattr(base64, 'decodestring'):
        base64.decodestring = base64.decodebytes

    # The tests' own directory goes first, so that this is the same package that they import.
    sys.path.insert(0, os.getcwd())
    from runway import _files
    server = HTTPServer(('127.0.0.1', 0), Downloads)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fetch = _files._open_url

    def open_locally(url, headers):
        local = 'http://127.0.0.1:%d/' % server.server_port
        return fetch(re.sub(r'^https://', local, url), headers)

    _files._open_url = open_locally


if __name__ == '__main__':
    main()
