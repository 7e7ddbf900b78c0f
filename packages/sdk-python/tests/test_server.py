"""The HTTP server over real sockets: framing, limits, concurrency, ending."""

import gzip
import json
import signal
import socket
import time
import unittest

from support import PATIENCE, Case, Served, eventually, needs

MODEL = '''
    import threading, time
    import runway
    from runway.data_types import any, number, text

    @runway.command('echo', inputs={'text': text}, outputs={'text': text})
    def echo(model, inputs):
        return inputs['text']

    @runway.command('sleep', inputs={'seconds': number}, outputs={'thread': text})
    def sleep(model, inputs):
        time.sleep(inputs['seconds'])
        return threading.current_thread().name

    @runway.command('leave', inputs={'code': number}, outputs={'x': any})
    def leave(model, inputs):
        raise SystemExit(inputs['code'])

    @runway.setup(options={'seconds': number})
    def setup(options):
        time.sleep(options['seconds'])

    runway.run()
'''


def read_response(file):
    """`(status, headers, body)` of the next response on a connection."""
    status = int(file.readline().split()[1])
    headers = {}
    while True:
        line = file.readline().decode('latin-1').strip()
        if not line:
            break
        name, _, value = line.partition(':')
        headers[name.lower()] = value.strip()
    return status, headers, file.read(int(headers.get('content-length', 0)))


class ServerTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.served = Served(MODEL, RW_MAX_BODY_SIZE=str(64 << 20))

    @classmethod
    def tearDownClass(cls):
        cls.served.stop()

    def exchange(self, data, answers=1):
        """Send raw bytes; the answers that come back on the same connection."""
        with self.served.connect() as sock, sock.makefile('rb') as file:
            sock.sendall(data)
            return [read_response(file) for _ in range(answers)]

    def test_keeps_a_connection_open_for_the_next_request(self):
        request = b'GET /healthcheck HTTP/1.1\r\nHost: x\r\n\r\n'
        answers = self.exchange(request * 3, answers=3)
        self.assertEqual([status for status, _, _ in answers], [200, 200, 200])

    def test_closes_when_asked_to(self):
        for request in (b'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', b'GET / HTTP/1.0\r\n\r\n'):
            with self.served.connect() as sock, sock.makefile('rb') as file:
                sock.sendall(request)
                self.assertEqual(read_response(file)[1]['connection'], 'close')
                self.assertEqual(file.read(), b'')

    def test_answers_with_date_and_length(self):
        (_, headers, body), = self.exchange(b'GET / HTTP/1.1\r\n\r\n')
        self.assertRegex(headers['date'], r'^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$')
        self.assertEqual(int(headers['content-length']), len(body))

    def test_answers_a_head_request_without_a_body(self):
        with self.served.connect() as sock, sock.makefile('rb') as file:
            sock.sendall(b'HEAD /healthcheck HTTP/1.1\r\nConnection: close\r\n\r\n')
            self.assertEqual(file.readline().split()[1], b'200')
            self.assertTrue(file.read().endswith(b'\r\n\r\n'))

    def test_reads_a_chunked_body(self):
        (status, _, body), = self.exchange(
            b'POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'
            b'9\r\n{"text": \r\n5;x=1\r\n"hi"}\r\n0\r\nTrailer: 1\r\n\r\n')
        self.assertEqual((status, json.loads(body.decode())), (200, {'text': 'hi'}))

    def test_says_continue_to_a_client_that_waits_for_it(self):
        with self.served.connect() as sock, sock.makefile('rb') as file:
            sock.sendall(b'POST /echo HTTP/1.1\r\nContent-Length: 13\r\n'
                         b'Expect: 100-continue\r\n\r\n')
            self.assertEqual(file.readline(), b'HTTP/1.1 100 Continue\r\n')
            self.assertEqual(file.readline(), b'\r\n')
            sock.sendall(b'{"text": "a"}')
            self.assertEqual(read_response(file)[0], 200)

    def test_takes_the_absolute_form_and_drops_the_query(self):
        for target in (b'http://h:1/healthcheck', b'/healthcheck?a=/b', b'http://h/healthcheck?x'):
            (status, _, _), = self.exchange(b'GET ' + target + b' HTTP/1.1\r\n\r\n')
            self.assertEqual(status, 200, target)

    def test_refuses_what_it_cannot_read_with_json_and_closes(self):
        cases = [
            (b'NONSENSE\r\n\r\n', 400),
            (b'GET / HTTP/2.0\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\nno colon\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\nname : v\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\nA: 1\r\n folded\r\n\r\n', 400),
            (b'GET / HTTP/1.1\r\n' + b'A: 1\r\n' * 200 + b'\r\n', 431),
            (b'GET / HTTP/1.1\r\nA: ' + b'x' * 40000 + b'\r\n\r\n', 431),
            (b'POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n', 400),
            (b'POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400),
            (b'POST /echo HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n', 413),
            (b'POST /echo HTTP/1.1\r\nContent-Length: 2\r\n'
             b'Transfer-Encoding: chunked\r\n\r\n', 400),
            (b'POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n', 501),
            (b'POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400),
            (b'POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n', 413),
        ]
        for data, expected in cases:
            with self.served.connect() as sock, sock.makefile('rb') as file:
                sock.sendall(data)
                status, headers, body = read_response(file)
                self.assertEqual(status, expected, data[:60])
                self.assertEqual(headers['content-type'], 'application/json')
                self.assertEqual(headers['access-control-allow-origin'], '*')
                self.assertEqual(list(json.loads(body.decode())), ['error'])
                self.assertEqual(file.read(), b'')

    def test_echoes_20_mb_of_text(self):
        text = 'x' * (20 << 20)
        status, answer = self.served.post('/echo', {'text': text})
        self.assertEqual(status, 200)
        self.assertEqual(len(answer['text']), len(text))

    def test_bounds_a_body_that_grows_when_decompressed(self):
        bomb = gzip.compress(b' ' * (80 << 20))
        status, answer = self.served.post('/echo', bomb, headers={
            'Content-Type': 'application/json', 'Content-Encoding': 'gzip'})
        self.assertEqual(status, 413, answer)

    def test_refuses_json_that_is_nested_too_deeply(self):
        status, answer = self.served.post('/echo', b'[' * 1000000)
        self.assertEqual(status, 400, answer)

    def test_a_slow_client_does_not_block_another(self):
        with self.served.connect() as slow:
            slow.sendall(b'POST /echo HTTP/1.1\r\nContent-Length: 100\r\n\r\n{')
            self.assertEqual(self.served.get('/healthcheck', timeout=2)[0], 200)
            self.assertEqual(self.served.post('/echo', {'text': 'a'}, timeout=2)[0], 200)

    def test_answers_others_while_a_command_runs_and_keeps_commands_in_order(self):
        with self.served.connect() as first, self.served.connect() as second:
            body = b'{"seconds": 1}'
            request = (b'POST /sleep HTTP/1.1\r\nContent-Length: %d\r\n\r\n' % len(body)) + body
            started = time.monotonic()
            first.sendall(request)
            second.sendall(request)
            time.sleep(0.1)
            for path in ('/healthcheck', '/meta', '/echo', '/setup'):
                self.assertEqual(self.served.get(path, timeout=0.8)[0], 200, path)
            self.assertLess(time.monotonic() - started, 1)
            with first.makefile('rb') as file:
                thread = json.loads(read_response(file)[2].decode())['thread']
            with second.makefile('rb') as file:
                read_response(file)
            self.assertGreaterEqual(time.monotonic() - started, 2)
        # The thread that ran set-up, to which some libraries bind what they load.
        self.assertEqual(thread, 'MainThread')

    def test_tells_that_set_up_runs_again(self):
        with self.served.connect() as sock, sock.makefile('rb') as file:
            body = b'{"seconds": 0.7}'
            sock.sendall((b'POST /setup HTTP/1.1\r\nContent-Length: %d\r\n\r\n' % len(body)) + body)
            self.assertTrue(eventually(lambda: self.served.get(
                '/healthcheck', timeout=0.6)[1] == {'status': 'STARTING'}, 0.6))
            self.assertEqual(read_response(file)[0], 200)
        self.assertEqual(self.served.get('/healthcheck')[1], {'status': 'RUNNING'})


class LifeTest(Case):
    def test_listens_soon_and_tells_that_it_starts_while_the_model_loads(self):
        with Served(MODEL, wait=False, RW_MODEL_OPTIONS='{"seconds": 1.5}') as served:
            served.wait_for('Initializing model...')
            self.assertEqual(served.get('/healthcheck'), (200, {'status': 'STARTING'}))
            self.assertIsNone(served.get('/meta')[1]['millisRunning'])
            # A command that comes early waits for the model.
            self.assertEqual(served.post('/echo', {'text': 'a'}), (200, {'text': 'a'}))
            served.wait_for('Starting model server')
            self.assertRegex(''.join(served.output),
                             r'^Initializing model\.\.\.\nModel initialized \(1\.\d\ds\)\n'
                             r'Starting model server at http://127\.0\.0\.1:%d\.\.\.\n$'
                             % served.port)

    def test_sigterm_ends_it_and_frees_the_port(self):
        served = Served(MODEL)
        with served.connect() as sock:
            sock.sendall(b'GET / HTTP/1.1\r\n\r\n')
            self.assertTrue(sock.recv(1000))
            started = time.monotonic()
            self.assertEqual(served.stop(), 0)
            self.assertLess(time.monotonic() - started, 2)
            with socket.socket() as again:
                again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                again.bind(('127.0.0.1', served.port))
        self.assertEqual(served.last_errors, '')

    def test_sigterm_ends_it_in_the_middle_of_a_command(self):
        served = Served(MODEL)
        with served.connect() as sock:
            sock.sendall(b'POST /sleep HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"seconds": 60}')
            time.sleep(0.3)
            self.assertEqual(served.stop(), 0)

    def test_sigterm_is_noticed_also_by_a_main_thread_that_sleeps(self):
        # The kernel may hand a signal to any thread; waking by chance would take a minute here.
        source = MODEL.replace('runway.run()', '''
    import runway._turns
    runway._turns._LONGEST_SLEEP = 60
    runway.run()''')
        for _ in range(8):
            served = Served(source)
            served.get('/healthcheck')
            started = time.monotonic()
            served.stop()
            self.assertLess(time.monotonic() - started, 3)

    def test_ctrl_c_ends_it_without_a_traceback(self):
        served = Served(MODEL)
        self.assertEqual(served.stop(signal.SIGINT), 0)
        self.assertEqual(served.last_errors, '')

    def test_a_handler_may_end_the_process(self):
        served = Served(MODEL)
        with served.connect() as sock:
            sock.sendall(b'POST /leave HTTP/1.1\r\nContent-Length: 11\r\n\r\n{"code": 3}')
            self.assertEqual(served.process.wait(PATIENCE), 3)
        served.stop()

    def test_waits_for_a_port_that_becomes_free(self):
        with socket.socket() as busy:
            busy.bind(('127.0.0.1', 0))
            busy.listen(1)
            port = busy.getsockname()[1]
            served = Served(MODEL, wait=False, RW_PORT=str(port))
            time.sleep(0.6)
        try:
            served.wait_for('Starting model server')
        finally:
            served.stop()

    def test_has_room_for_many_connections_and_says_so_when_there_is_none(self):
        source = MODEL.replace('runway.run()', '''
    import runway._server
    runway._server.MAX_CONNECTIONS = 3
    runway.run()''')
        with Served(source) as served:
            idle = [served.connect() for _ in range(3)]
            try:
                time.sleep(0.2)
                self.assertEqual(served.get('/healthcheck')[0], 503)
            finally:
                for sock in idle:
                    sock.close()
            self.assertTrue(eventually(lambda: served.get('/healthcheck')[0] == 200, 3))

    def test_bounds_what_all_requests_together_keep_in_memory(self):
        source = MODEL.replace('runway.run()', '''
    import runway._server
    runway._server.Budget = lambda size: Budget(1 << 20)
    from runway._stream import Budget
    runway.run()''')
        with Served(source) as served, served.connect() as first:
            first.sendall(b'POST /echo HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n'
                          + b' ' * 900000)
            time.sleep(0.3)
            status, answer = served.post('/echo', {'text': 'x' * 500000})
            self.assertEqual(status, 503, answer)
            with served.websocket() as client:
                client.send({'type': 'submit', 'inputData': {'text': 'x' * 500000}})
                self.assertEqual(client.receive_frame(), (8, b'\x03\xf5'))
            self.assertEqual(served.post('/echo', {'text': 'small'})[0], 200)
            first.close()
            self.assertTrue(eventually(
                lambda: served.post('/echo', {'text': 'x' * 500000})[0] == 200, 5))

    def test_drops_a_client_that_never_finishes_its_headers(self):
        source = MODEL.replace('runway.run()', '''
    import runway._server
    runway._server.HEAD_SECONDS = 0.5
    runway.run()''')
        with Served(source) as served, served.connect() as slow:
            slow.sendall(b'GET / HTTP/1.1\r\n')
            started = time.monotonic()
            for _ in range(20):
                time.sleep(0.1)
                try:
                    slow.sendall(b'A: 1\r\n')
                except OSError:
                    break
            slow.settimeout(3)
            try:
                self.assertEqual(slow.recv(1000), b'')
            except ConnectionError:
                pass
            self.assertLess(time.monotonic() - started, 4.5)

    def test_tells_a_client_that_never_finishes_its_body(self):
        source = MODEL.replace('runway.run()', '''
    import runway._server, runway._stream
    runway._server.HEAD_SECONDS = runway._stream._GRACE = 0.5
    runway.run()''')
        with Served(source) as served:
            for framing in (b'Content-Length: 100\r\n\r\n{', b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"te'):
                with served.connect() as slow, slow.makefile('rb') as file:
                    slow.sendall(b'POST /echo HTTP/1.1\r\n' + framing)
                    status, _, body = read_response(file)
                    self.assertEqual(status, 408, body)
                    self.assertIn('too slowly', json.loads(body.decode())['error'])
            self.assertEqual(served.post('/echo', {'text': 'a'}), (200, {'text': 'a'}))


@needs('PIL')
class ImageTest(Case):
    def test_passes_a_20_mb_image_through(self):
        import base64
        import io
        import os
        from PIL import Image
        source = '''
    import runway
    from runway.data_types import image

    @runway.command('same', inputs={'image': image}, outputs={'image': image(
        default_output_format='PNG')})
    def same(model, inputs):
        return inputs['image']

    runway.run()
'''
        picture = Image.frombytes('RGB', (2700, 2700), os.urandom(3 * 2700 * 2700))
        buffer = io.BytesIO()
        picture.save(buffer, 'PNG', compress_level=0)
        self.assertGreater(buffer.tell(), 20 << 20)
        uri = 'data:image/png;base64,' + base64.b64encode(buffer.getvalue()).decode('ascii')
        with Served(source) as served:
            status, answer = served.post('/same', {'image': uri})
        self.assertEqual(status, 200)
        data = base64.b64decode(answer['image'].partition(',')[2])
        self.assertEqual(Image.open(io.BytesIO(data)).tobytes(), picture.tobytes())


if __name__ == '__main__':
    unittest.main()
