"""How fast the server is, beside a bare Flask with gevent doing the same work.

    python3 bench.py [--original PATH] [--seconds N] [--rounds N]

Prints requests per second and latencies (medians of the rounds) of a text echo and of a 512 pixel image echo, the time that
`import runway` takes, and memory at rest. With `--original PATH`, a checkout of the original SDK is
measured too, if it runs here. Servers and client share this machine's cores, and the client is the
same raw loop for each, so the ratios say more than the numbers.
"""

import argparse
import base64
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.join(HERE, 'src')
KINDS = ('text', 'image')

MODEL = '''
import runway
from runway.data_types import image, text

@runway.command('text', inputs={'value': text}, outputs={'value': text})
def echo_text(model, inputs):
    return inputs['value']

@runway.command('image', inputs={'value': image}, outputs={'value': image})
def echo_image(model, inputs):
    return inputs['value']

runway.run()
'''

FLASK = '''
from gevent import monkey
monkey.patch_all()
import base64, io, os, socket
from flask import Flask, jsonify, request
from gevent.pywsgi import WSGIServer

app = Flask(__name__)

@app.route('/healthcheck')
def healthcheck():
    return jsonify(status='RUNNING')

@app.route('/text', methods=['POST'])
def echo_text():
    return jsonify(value=request.get_json(force=True)['value'])

@app.route('/image', methods=['POST'])
def echo_image():
    from PIL import Image
    data = request.get_json(force=True)['value'].partition(',')[2]
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert('RGB')
    buffer = io.BytesIO()
    picture.save(buffer, 'JPEG')
    return jsonify(value='data:image/jpeg;base64,' + base64.b64encode(buffer.getvalue()).decode())

# Without this each answer would wait for Nagle's algorithm, which is not what is compared here.
listener = socket.socket()
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
listener.bind(('127.0.0.1', int(os.environ['RW_PORT'])))
listener.listen(128)
WSGIServer(listener, app, log=None).serve_forever()
'''


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    arguments.add_argument('--original', help='a checkout of the original SDK')
    arguments.add_argument('--seconds', type=float, default=1.5)
    arguments.add_argument('--rounds', type=int, default=7)
    arguments.add_argument('--connections', type=int, default=4)
    given = arguments.parse_args()
    candidates = [('ours', MODEL, SRC), ('Flask+gevent', FLASK, None)]
    if given.original:
        candidates.append(('original', MODEL, os.path.abspath(given.original)))
    servers = {}
    try:
        for name, source, path in candidates:
            try:
                servers[name] = Server(source, path)
            except CannotRun as error:
                print('%s does not run here: %s' % (name, error))
        report(measure(servers, given))
    finally:
        for server in servers.values():
            server.stop()
    print('import runway: %.1f ms (best of 10, without numpy)' % import_milliseconds())


class Server:
    """A model server as a process of its own, until it is stopped."""

    def __init__(self, source, path):
        with socket.socket() as sock:
            sock.bind(('127.0.0.1', 0))
            self.port = sock.getsockname()[1]
        environment = dict(os.environ, RW_PORT=str(self.port), RW_HOST='127.0.0.1')
        if path is not None:
            environment['PYTHONPATH'] = path
        self.process = subprocess.Popen([sys.executable, '-c', source], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            wait_for(self.port, self.process)
        except BaseException:
            self.stop()
            raise
        self.memory = resident_megabytes(self.process.pid)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


def measure(servers, given):
    """Loads the servers in turn, round by round, so that what else the machine does meets them alike."""
    measured = {name: {'memory': server.memory} for name, server in servers.items()}
    for kind, value in zip(KINDS, ('Hello, model. ' * 5, picture())):
        rounds = {name: [] for name in servers}
        for _ in range(given.rounds):
            for name in list(rounds):
                try:
                    rounds[name].append(load(servers[name].port, '/' + kind, {'value': value}, given))
                except CannotRun as error:
                    print('%s, %s echo: %s' % (name, kind, error))
                    del rounds[name]
        for name, runs in rounds.items():
            measured[name][kind] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return measured


class CannotRun(Exception):
    pass


def wait_for(port, process):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            lines = process.stderr.read().decode('utf-8', 'replace').strip().splitlines()
            raise CannotRun(lines[-1] if lines else 'it ended with code %d' % process.returncode)
        try:
            status, _ = exchange(connect(port), b'GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n')
            if status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise CannotRun('it did not answer within 20 seconds')


def load(port, path, body, given):
    """Requests per second and sorted latencies, from several connections that are kept open."""
    data = json.dumps(body).encode('utf-8')
    request = ('POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
               'Content-Length: %d\r\n\r\n' % (path, len(data))).encode('ascii') + data
    latencies, errors = [], []
    end = time.monotonic() + given.seconds

    def client():
        sock = connect(port)
        while time.monotonic() < end:
            started = time.monotonic()
            status, answer = exchange(sock, request)
            latencies.append(time.monotonic() - started)
            if status != 200:
                errors.append(answer)
                return
        sock.close()

    threads = [threading.Thread(target=client) for _ in range(given.connections)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise CannotRun('a request failed: %s' % errors[0][:200])
    latencies.sort()
    return {'rate': len(latencies) / (time.monotonic() - started),
            'p50': 1000 * latencies[len(latencies) // 2],
            'p99': 1000 * latencies[len(latencies) * 99 // 100]}


def connect(port):
    sock = socket.create_connection(('127.0.0.1', port), timeout=20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def exchange(sock, request):
    sock.sendall(request)
    received = b''
    while b'\r\n\r\n' not in received:
        part = sock.recv(1 << 18)
        if not part:
            raise OSError('The server closed the connection.')
        received += part
    head, _, body = received.partition(b'\r\n\r\n')
    length = int(head.lower().partition(b'content-length:')[2].partition(b'\r\n')[0])
    parts, missing = [body], length - len(body)
    while missing > 0:
        part = sock.recv(1 << 18)
        if not part:
            raise OSError('The server closed the connection.')
        parts.append(part)
        missing -= len(part)
    return int(head.split(b' ', 2)[1]), b''.join(parts)


def picture():
    """512 by 512 pixels with smooth and with busy parts, as a photo has."""
    from PIL import Image
    side = 512
    pixels = bytes((x * y // 97 + (x ^ y) * channel) % 256
                   for y in range(side) for x in range(side) for channel in (0, 1, 2))
    buffer = io.BytesIO()
    Image.frombytes('RGB', (side, side), pixels).save(buffer, 'JPEG')
    return 'data:image/jpeg;base64,' + base64.b64encode(buffer.getvalue()).decode('ascii')


def resident_megabytes(pid):
    with open('/proc/%d/status' % pid) as file:
        for line in file:
            if line.startswith('VmRSS:'):
                return int(line.split()[1]) / 1024


def import_milliseconds():
    code = ('import time; started = time.perf_counter(); import runway; '
            'print(time.perf_counter() - started)')
    times = [float(subprocess.check_output([sys.executable, '-c', code],
                                           env=dict(os.environ, PYTHONPATH=SRC)))
             for _ in range(10)]
    return 1000 * min(times)


def report(results):
    print('%-14s %10s %9s %9s %12s' % ('', 'requests/s', 'p50 ms', 'p99 ms', 'memory MB'))
    for name, measured in results.items():
        for kind in KINDS:
            if kind not in measured:
                print('%-14s does not run here: %s' % (name, kind))
                continue
            values = measured[kind]
            print('%-14s %10.0f %9.2f %9.2f %12.1f  %s' % (
                name, values['rate'], values['p50'], values['p99'], measured['memory'], kind))
    for name in results:
        if name != 'ours' and 'ours' in results:
            for kind in KINDS:
                if kind in results[name]:
                    print('ours / %s, %s echo: %.1f times the requests per second' % (
                        name, kind,
                        results['ours'][kind]['rate'] / results[name][kind]['rate']))


if __name__ == '__main__':
    main()
