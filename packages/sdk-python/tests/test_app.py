"""Routes, errors, formats and compression, through the test client."""

import contextlib
import gzip
import io
import json
import unittest

from support import Case, needs
from runway import RunwayModel
from runway.__version__ import __version__
from runway.data_types import any, category, image, number, text


class AppTest(Case):
    def setUp(self):
        super().setUp()
        self.environment(RW_HOST=None, RW_PORT=None, RW_MODEL_OPTIONS=None, RW_META=None,
                         RW_NO_SERVE='1', RW_DEBUG=None, GPU=None)
        self.rw = rw = RunwayModel()
        self.client = rw.app.test_client()

        @rw.setup(options={'size': category(choices=['small', 'big']), 'fail': any})
        def setup(options):
            if options['fail']:
                raise ValueError('as asked')
            return options['size']

        @rw.command('twice', inputs={'n': number}, outputs={'n': number}, description='2 × n')
        def twice(model, inputs):
            return inputs['n'] * 2

        @rw.command('long', inputs={'n': number}, outputs={'text': text})
        def long(model, inputs):
            return 'é' * int(inputs['n'])

        @rw.command('a/b c', inputs={'n': any}, outputs={'n': any})
        def odd_name(model, inputs):
            return inputs['n']

        @rw.command('meta', inputs={'n': any}, outputs={'n': any})
        def hidden(model, inputs):
            return inputs['n']

        with contextlib.redirect_stdout(io.StringIO()):
            rw.run(model_options={'fail': False})

    def test_tests_can_configure_it(self):
        self.rw.app.config['TESTING'] = True
        self.assertEqual(self.rw.app.config['COMPRESS_MIN_SIZE'], 500)

    def test_meta(self):
        for path in ('/', '/meta', 'meta', '/meta?x=1'):
            response = self.client.get(path)
            self.assertEqual((response.status_code, response.is_json), (200, True))
        meta = response.json
        self.assertEqual(meta['modelSDKVersion'], __version__)
        self.assertEqual([o['name'] for o in meta['options']], ['size', 'fail'])
        self.assertEqual(len(meta['commands']), 4)
        self.assertIs(type(meta['millisRunning']), int)
        self.assertIsNone(meta['millisSinceLastCommand'])
        self.assertIs(meta['GPU'], False)
        self.environment(GPU='1')
        self.assertIs(self.client.get('/meta').json['GPU'], True)
        self.client.post('/twice', json={'n': 1})
        self.assertIs(type(self.client.get('/meta').json['millisSinceLastCommand']), int)

    def test_healthcheck(self):
        self.assertEqual(self.client.get('/healthcheck').data, b'{"status":"RUNNING"}')

    def test_setup(self):
        self.assertEqual([o['name'] for o in self.client.get('/setup').json], ['size', 'fail'])
        response = self.client.post('/setup', json={'size': 'big', 'fail': False})
        self.assertEqual((response.status_code, response.json), (200, {'success': True}))
        self.assertEqual(self.rw.model, 'big')
        response = self.client.post('/setup', json={})
        self.assertEqual((response.status_code, response.json['error']),
                         (400, 'Missing option: fail.'))
        response = self.client.post('/setup', json={'size': 'huge', 'fail': False})
        self.assertEqual(response.status_code, 400)
        self.assertEqual(self.client.get('/healthcheck').json, {'status': 'RUNNING'})
        self.quiet_stderr()
        response = self.client.post('/setup', json={'size': 'small', 'fail': True})
        self.assertEqual(response.status_code, 500)
        self.assertIn("ValueError('as asked'", response.json['error'])
        self.assertEqual(self.client.get('/healthcheck').json, {'status': 'STARTING'})
        self.assertEqual(self.rw.model, 'big')

    def test_commands(self):
        self.assertEqual(self.client.get('/twice').json['description'], '2 × n')
        self.assertIn('2 × n'.encode('utf-8'), self.client.get('/twice').data)
        self.assertEqual(self.client.post('/twice', json={'n': 4, 'm': 1}).json, {'n': 8})
        self.assertEqual(self.client.post('/twice', json={}).json, {'n': 0})
        self.assertEqual(self.client.post('/a%2Fb%20c', json={'n': 4}).json, {'n': 4})

    def test_any_content_type_and_nothing_but_json_objects(self):
        for content_type in (None, 'text/plain', 'application/x-www-form-urlencoded'):
            response = self.client.post('/twice', data='{"n": 1}', content_type=content_type)
            self.assertEqual(response.json, {'n': 2})
        for data in ('', 'n=1', '[1]', '5', '"n"', 'null', '{"n": 1', b'\xff', '[' * 100000):
            for path in ('/twice', '/setup'):
                response = self.client.post(path, data=data)
                self.assertEqual((response.status_code, response.json), (
                    400, {'error': 'The body of all POST requests must contain JSON'}))

    def test_statuses(self):
        cases = [('GET', '/nothing', 404), ('POST', '/nothing', 404), ('GET', '/twice/', 404),
                 ('POST', '/twice/x', 404), ('GET', '/a/b c', 404), ('PUT', '/setup', 405),
                 ('DELETE', '/twice', 405), ('PUT', '/meta', 405), ('POST', '/healthcheck', 405),
                 ('POST', '/', 405), ('POST', '/meta', 405), ('PUT', '/a/b', 404)]
        for method, path, status in cases:
            response = self.client.open(method, path, json={})
            self.assertEqual((response.status_code, response.is_json), (status, True),
                             (method, path))
            self.assertIn('error', response.json)
            self.assertEqual(response.headers['Access-Control-Allow-Origin'], '*')
        self.assertEqual(self.client.get('/nothing').json['error'], 'Unknown command: nothing.')
        self.assertEqual(self.client.put('/setup').json, {'error': 'Method not allowed.'})
        self.assertEqual(self.client.get('/x/y').json, {'error': 'Not found.'})

    def test_own_routes_and_the_errors_of_web_frameworks(self):
        class Abort(Exception):
            def __init__(self, code):
                super().__init__(code)
                self.code = code

        def fail(error):
            def route():
                raise error
            return route

        expected = {
            401: "Unauthorized (well... really unauthenticated but hey I didn't write the spec).",
            403: 'Forbidden.', 404: 'Not found.', 405: 'Method not allowed.',
            500: 'Internal server error.', 418: None}
        for code, message in expected.items():
            self.rw.app.route('/own/%d' % code)(fail(Abort(code)))
            response = self.client.get('/own/%d' % code)
            self.assertEqual(response.status_code, code)
            if message:
                self.assertEqual(response.json, {'error': message})
        self.quiet_stderr()
        for error in (Abort('ECODE'), Abort(17), KeyError('x')):
            self.rw.app.route('/own/broken')(fail(error))
            response = self.client.get('/own/broken')
            self.assertEqual((response.status_code, response.json),
                             (500, {'error': 'Internal server error.'}))
        self.rw.app.route('/own/data')(lambda: {'a': 1})
        self.assertEqual(self.client.get('/own/data').json, {'a': 1})

    def test_a_handler_that_raises(self):
        @self.rw.command('fail', inputs={'x': any}, outputs={'x': any})
        def fail(model, inputs):
            raise KeyError('gone')

        stderr = self.quiet_stderr()
        response = self.client.post('/fail', json={'x': 1})
        self.assertEqual(response.status_code, 500)
        self.assertIn("KeyError('gone'", response.json['error'])
        self.assertIn(b'InferenceError', response.data)
        self.assertIn('in fail', stderr.getvalue())

    def test_preflight(self):
        for path in ('/', '/twice', '/setup'):
            response = self.client.options(path, headers={
                'Origin': 'http://x', 'Access-Control-Request-Method': 'POST',
                'Access-Control-Request-Headers': 'content-type, x-runway-output-format'})
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.headers['Access-Control-Allow-Origin'], '*')
            self.assertIn('POST', response.headers['Access-Control-Allow-Methods'])
            self.assertEqual(response.headers['Access-Control-Allow-Headers'],
                             'content-type, x-runway-output-format')

    def test_compresses_what_is_large_enough_for_those_who_accept_it(self):
        accepted = ('gzip', 'deflate, gzip;q=0.5', '*', 'GZIP')
        for header in accepted + ('', 'br', 'gzip;q=0', 'gzip; q=0.0'):
            response = self.client.post('/long', json={'n': 1000},
                                        headers={'Accept-Encoding': header})
            self.assertEqual('Content-Encoding' in response.headers, header in accepted, header)
            self.assertEqual(response.headers['Vary'], 'Accept-Encoding')
            self.assertEqual(response.json, {'text': 'é' * 1000})
        response = self.client.post('/long', json={'n': 10}, headers={'Accept-Encoding': 'gzip'})
        self.assertNotIn('Content-Encoding', response.headers)
        self.rw.app.config['COMPRESS_MIN_SIZE'] = 0
        response = self.client.post('/long', json={'n': 1}, headers={'Accept-Encoding': 'gzip'})
        self.assertEqual(json.loads(gzip.decompress(response.data).decode()), {'text': 'é'})

    def test_reads_compressed_json(self):
        body = gzip.compress(b'{"n": 5}')
        json_type = {'Content-Type': 'application/json; charset=utf-8', 'Content-Encoding': 'gzip'}
        self.assertEqual(self.client.post('/twice', data=body, headers=json_type).json, {'n': 10})
        for data, headers in ((b'{"n": 5}', json_type), (body[:-3], json_type),
                              (body, {'Content-Encoding': 'gzip'})):
            self.assertEqual(self.client.post('/twice', data=data, headers=headers).status_code,
                             400)
        self.rw.app.config['MAX_CONTENT_LENGTH'] = 1000
        bomb = gzip.compress(b'{"n": 5' + b' ' * 5000 + b'}')
        self.assertEqual(self.client.post('/twice', data=bomb, headers=json_type).status_code, 413)

    @needs('PIL')
    def test_output_formats(self):
        from PIL import Image

        @self.rw.command('draw', inputs={'x': any}, outputs={
            'one': image, 'other': image(channels=4), 'note': text})
        def draw(model, inputs):
            picture = Image.new('RGB', (2, 2))
            return {'one': picture, 'other': picture, 'note': 'n'}

        cases = [('', 'jpeg', 'png'), ('one=PNG', 'png', 'png'),
                 (' one = png ;; other=jpeg; ', 'png', 'jpeg'),
                 ('note=PNG; unknown=JPEG; one=PNG', 'png', 'png')]
        for header, one, other in cases:
            answer = self.client.post('/draw', json={'x': 1},
                                      headers={'X-Runway-Output-Format': header}).json
            self.assertTrue(answer['one'].startswith('data:image/%s;' % one), header)
            self.assertTrue(answer['other'].startswith('data:image/%s;' % other), header)
        for header in ('one=GIF', 'one', '=PNG', 'unknown=GIF', 'one=PNG; other'):
            response = self.client.post('/draw', json={'x': 1},
                                        headers={'X-Runway-Output-Format': header})
            self.assertEqual(response.status_code, 400, header)


if __name__ == '__main__':
    unittest.main()
