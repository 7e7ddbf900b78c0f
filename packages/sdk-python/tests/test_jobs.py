"""Jobs over a WebSocket: progress, cancel, order, and clients that misbehave."""

import json
import time
import unittest

from support import Case, Served, eventually, needs

MODEL = '''
    import threading, time
    import runway
    from runway.data_types import any, array, category, number, text

    closed = []

    @runway.command('shout', inputs={'text': text}, outputs={'text': text})
    def shout(model, inputs):
        return inputs['text'].upper()

    @runway.command('count', inputs={'to': number, 'pause': number}, outputs={'n': number})
    def count(model, inputs):
        try:
            for n in range(1, inputs['to'] + 1):
                yield n, n / inputs['to']
                time.sleep(inputs['pause'])
        finally:
            closed.append(threading.current_thread().name)

    @runway.command('total', inputs={'to': number}, outputs={'n': number})
    def total(model, inputs):
        for n in range(inputs['to']):
            yield n
        return 100

    @runway.command('sleep', inputs={'seconds': number}, outputs={'done': text})
    def sleep(model, inputs):
        time.sleep(inputs['seconds'])
        return 'done'

    @runway.command('remember', inputs={'value': any}, outputs={'values': any})
    def remember(model, inputs):
        model.append(inputs['value'])
        return {'values': list(model)}

    @runway.command('closed', inputs={'x': any}, outputs={'closed': any})
    def get_closed(model, inputs):
        return {'closed': closed}

    @runway.command('choose', inputs={'one': category(choices=['a', 'b'])}, outputs={'one': text})
    def choose(model, inputs):
        return inputs['one']

    @runway.command('fail', inputs={'late': any}, outputs={'x': text})
    def fail(model, inputs):
        if inputs['late']:
            yield 'so far'
        raise KeyError('nothing there')

    @runway.command('flood', inputs={'size': number, 'times': number}, outputs={'x': text})
    def flood(model, inputs):
        for n in range(inputs['times']):
            yield 'x' * inputs['size']

    @runway.setup
    def setup():
        return []

    runway.run()
'''


def submit(command, inputs, **more):
    return dict({'type': 'submit', 'command': command, 'inputData': inputs}, **more)


class JobsTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.served = Served(MODEL)

    @classmethod
    def tearDownClass(cls):
        cls.served.stop()

    def setUp(self):
        super().setUp()
        self.client = self.served.websocket()
        self.addCleanup(self.client.close)

    def run_job(self, message):
        self.client.send(message)
        first = self.client.receive()
        self.assertEqual(first['type'], 'started')
        return [first] + self.client.receive_until_end(first['id'])

    def test_a_plain_function_sends_one_output(self):
        started, output, succeeded = self.run_job(submit('shout', {'text': 'hé'}))
        self.assertRegex(started['id'], '^[0-9a-f]{32}$')
        self.assertEqual(output, {'type': 'output', 'id': started['id'],
                                  'outputData': {'text': 'HÉ'}})
        self.assertEqual(succeeded['type'], 'succeeded')
        self.assertIsInstance(succeeded['timeElapsed'], int)

    def test_a_generator_sends_each_value_with_its_progress(self):
        messages = self.run_job(submit('count', {'to': 4, 'pause': 0}))
        self.assertEqual([(m['outputData'], m['progress']) for m in messages[1:-1]],
                         [({'n': n}, n / 4) for n in (1, 2, 3, 4)])

    def test_values_arrive_while_the_generator_goes_on(self):
        started = time.monotonic()
        self.client.send(submit('count', {'to': 2, 'pause': 0.6}))
        self.client.receive()
        self.client.receive()
        self.assertLess(time.monotonic() - started, 0.5)

    def test_a_returned_value_is_sent_after_the_yielded_ones(self):
        messages = self.run_job(submit('total', {'to': 2}))
        self.assertEqual([m['outputData']['n'] for m in messages[1:-1]], [0, 1, 100])
        self.assertNotIn('progress', messages[1])

    def test_changes_to_the_model_last_and_are_seen_over_http(self):
        self.run_job(submit('remember', {'value': 1}))
        status, answer = self.served.post('/remember', {'value': 2})
        self.assertEqual((status, answer['values'][-2:]), (200, [1, 2]))

    def test_failures_come_after_started(self):
        cases = [
            (submit('nothing', {}), 'Unknown command: nothing.'),
            (submit([], {}), 'Unknown command: [].'),
            (submit('choose', {'one': 'c'}), 'Invalid argument: one. category value "c" does not '
             'appear in choices list.'),
            (submit('remember', {}), 'Missing input: value.'),
            ({'type': 'submit', 'inputData': {}}, 'Missing argument: command.'),
            ({'type': 'submit', 'command': 'shout'}, None),
            (submit('shout', [1]), None),
            (submit('shout', {}, outputFormat={'text': 'GIF'}), None),
            (submit('shout', {}, outputFormat=3), None),
            (submit('shout', {}, id=7), None),
            (submit('shout', {}, id=''), None),
            (submit('shout', {}, id='x' * 300), None),
        ]
        for message, error in cases:
            with self.subTest(message=message):
                started, failed = self.run_job(message)
                self.assertEqual(failed['type'], 'failed')
                self.assertEqual(failed['id'], started['id'])
                if error is not None:
                    self.assertEqual(failed['error'], error)

    def test_a_handler_that_raises_fails_the_job_with_its_traceback(self):
        _, failed = self.run_job(submit('fail', {'late': False}))
        self.assertIn("KeyError('nothing there'", failed['error'])
        self.assertIn('InferenceError', '\n'.join(failed['traceback']))
        messages = self.run_job(submit('fail', {'late': True}))
        self.assertEqual([m['type'] for m in messages], ['started', 'output', 'failed'])

    def test_two_jobs_at_once_and_one_is_cancelled(self):
        self.client.send(submit('count', {'to': 50, 'pause': 0.05}, id='first-of-two'))
        self.client.send(submit('count', {'to': 3, 'pause': 0}, id='second-of-two'))
        time.sleep(0.2)
        self.client.send({'type': 'cancel', 'id': 'first-of-two'})
        ends, outputs = {}, 0
        while len(ends) < 2:
            message = self.client.receive()
            self.assertNotIn(message['id'], ends, 'something followed the end of a job')
            if message['type'] in ('cancelled', 'succeeded', 'failed'):
                ends[message['id']] = message['type']
            elif message['type'] == 'output' and message['id'] == 'second-of-two':
                outputs += 1
        self.assertEqual(ends, {'first-of-two': 'cancelled', 'second-of-two': 'succeeded'})
        self.assertEqual(outputs, 3)

    def test_cancel_acts_on_the_job_that_it_names_even_if_it_waits(self):
        self.client.send(submit('sleep', {'seconds': 0.4}, id='runs'))
        self.client.send(submit('sleep', {'seconds': 60}, id='waits'))
        self.client.send({'type': 'cancel', 'id': 'waits'})
        ends = {}
        while len(ends) < 2:
            message = self.client.receive()
            if message['type'] not in ('started', 'output'):
                ends[message['id']] = message['type']
        self.assertEqual(ends, {'waits': 'cancelled', 'runs': 'succeeded'})
        self.assertEqual(self.served.post('/shout', {'text': 'a'}, timeout=2)[0], 200)

    def test_the_result_of_a_cancelled_function_is_discarded(self):
        self.client.send(submit('sleep', {'seconds': 0.3}, id='thrown-away'))
        self.assertEqual(self.client.receive()['type'], 'started')
        time.sleep(0.1)
        self.client.send({'type': 'cancel', 'id': 'thrown-away'})
        self.assertEqual(self.client.receive(), {'type': 'cancelled', 'id': 'thrown-away'})
        # The next thing heard is of another job.
        started, output, _ = self.run_job(submit('shout', {'text': 'a'}))
        self.assertNotEqual(output['id'], 'thrown-away')

    def test_closing_the_connection_cancels_its_jobs(self):
        before = len(self.served.post('/closed', {'x': 1})[1]['closed'])
        other = self.served.websocket()
        other.send(submit('count', {'to': 1000, 'pause': 0.02}))
        other.receive()
        other.receive()
        other.close()
        after = self.served.post('/closed', {'x': 1}, timeout=5)[1]['closed']
        self.assertEqual(after[before:], ['MainThread'])

    def test_an_id_is_good_for_one_job(self):
        self.run_job(submit('shout', {'text': 'a'}, id='once'))
        self.client.send(submit('shout', {'text': 'b'}, id='once'))
        with self.served.websocket() as other:
            other.send(submit('shout', {'text': 'c'}, id='once'))
            other.send(submit('shout', {'text': 'd'}, id='twice'))
            self.assertEqual(other.receive()['id'], 'twice')
        started = self.run_job(submit('shout', {'text': 'e'}))[0]
        self.assertNotEqual(started['id'], 'once')

    def test_a_connection_lasts_however_many_jobs_it_serves(self):
        for number in range(2000):
            messages = self.run_job(submit('shout', {'text': 'n%d' % number}))
            self.assertEqual(messages[1]['outputData'], {'text': 'N%d' % number})

    def test_ignores_what_is_no_message(self):
        for data in (b'{', b'[]', b'7', b'\xff', b'{}', b'{"type": "dance"}', b'{"type": []}',
                     b'{"type": "cancel"}', b'{"type": "cancel", "id": "unknown"}',
                     b'{"type": "cancel", "id": {}}'):
            self.client.send(data)
        self.client.send_frame(2, b'{"type": "submit"}')
        messages = self.run_job(submit('shout', {'text': 'still here'}))
        self.assertEqual(messages[1]['outputData'], {'text': 'STILL HERE'})

    def test_jobs_wait_for_http_commands_and_the_other_way_round(self):
        self.client.send(submit('sleep', {'seconds': 0.5}))
        self.client.receive()
        time.sleep(0.1)
        started = time.monotonic()
        self.served.post('/shout', {'text': 'a'})
        self.assertGreater(time.monotonic() - started, 0.2)

    def test_a_client_that_does_not_read_does_not_stop_the_model(self):
        source = MODEL.replace('runway.run()', '''
    import runway._websocket
    runway._websocket._MAX_WAITING = 1 << 20
    runway._websocket._PATIENCE = 0.5
    runway.run()''')
        with Served(source) as served, served.websocket() as deaf:
            deaf.send(submit('flood', {'size': 1 << 20, 'times': 1000}))
            time.sleep(0.3)
            started = time.monotonic()
            self.assertEqual(served.post('/shout', {'text': 'a'})[0], 200)
            self.assertLess(time.monotonic() - started, 5)

    def test_refuses_more_open_jobs_than_it_can_hold(self):
        source = MODEL.replace('runway.run()', '''
    import runway._jobs
    runway._jobs.MAX_OPEN_JOBS = 2
    runway.run()''')
        with Served(source) as served, served.websocket() as client:
            for name in ('a', 'b', 'c'):
                client.send(submit('sleep', {'seconds': 0.4}, id=name))
            self.assertIn('too many', client.receive_until_end('c')[-1]['error'])
            client.receive_until_end('b')
            client.send(submit('shout', {'text': 'x'}, id='d'))
            self.assertEqual(client.receive_until_end('d')[-1]['type'], 'succeeded')

    @needs('PIL')
    def test_an_output_format_can_be_chosen(self):
        source = '''
    import runway
    from PIL import Image

    @runway.command('draw', inputs={'x': runway.any}, outputs={'image': runway.image})
    def draw(model, inputs):
        return Image.new('RGB', (2, 2))

    runway.run()
'''
        with Served(source) as served, served.websocket() as client:
            for chosen, prefix in ((None, 'data:image/jpeg;'), ('png', 'data:image/png;')):
                client.send(submit('draw', {'x': 1}, outputFormat={'image': chosen} if chosen
                                   else None))
                client.receive()
                self.assertTrue(client.receive()['outputData']['image'].startswith(prefix))
                client.receive()


class FramesTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.served = Served(MODEL)

    @classmethod
    def tearDownClass(cls):
        cls.served.stop()

    def test_joins_the_frames_of_a_message_and_answers_pings_between_them(self):
        with self.served.websocket() as client:
            data = json.dumps(submit('shout', {'text': 'abc'})).encode()
            client.send_frame(1, data[:10], final=False)
            client.send_frame(9, b'are you there')
            client.send_frame(0, data[10:20], final=False)
            client.send_frame(0, data[20:])
            self.assertEqual(client.receive_frame(), (10, b'are you there'))
            self.assertEqual(client.receive()['type'], 'started')
            self.assertEqual(client.receive()['outputData'], {'text': 'ABC'})

    def test_carries_messages_of_every_length(self):
        with self.served.websocket() as client:
            for size in (1, 100, 126, 70000, 5000003):
                client.send(submit('shout', {'text': 'a' * size}))
                client.receive()
                self.assertEqual(len(client.receive()['outputData']['text']), size)
                client.receive()

    def test_answers_a_close_frame_with_its_code(self):
        with self.served.websocket() as client:
            client.send_frame(8, b'\x03\xe8bye')
            self.assertEqual(client.receive_frame(), (8, b'\x03\xe8'))
            self.assertIsNone(client.receive_frame())

    def test_closes_with_a_code_when_the_protocol_is_broken(self):
        cases = [
            (lambda c: c.send_frame(1, b'{}', mask=b''), 1002),
            (lambda c: c.send_frame(0, b'{}'), 1002),
            (lambda c: c.send_frame(3, b'{}'), 1002),
            (lambda c: c.send_frame(0x41, b'{}'), 1002),
            (lambda c: c.send_frame(9, b'x', final=False), 1002),
            (lambda c: c.send_frame(9, b'x' * 126), 1002),
            (lambda c: c.socket.sendall(b'\x81\xff' + b'\x00\x00\x01' + b'\x00' * 5), 1009),
        ]
        for provoke, code in cases:
            with self.served.websocket() as client:
                provoke(client)
                kind, data = client.receive_frame()
                self.assertEqual((kind, int.from_bytes(data, 'big')), (8, code))
                self.assertIsNone(client.receive_frame())

    def test_refuses_a_handshake_that_is_none(self):
        for headers in ({'Upgrade': 'websocket'},
                        {'Upgrade': 'websocket', 'Connection': 'Upgrade',
                         'Sec-WebSocket-Key': 'short', 'Sec-WebSocket-Version': '13'},
                        {'Upgrade': 'websocket', 'Connection': 'Upgrade',
                         'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
                         'Sec-WebSocket-Version': '8'}):
            self.assertEqual(self.served.request('GET', '/', headers=headers)[0], 400)

    def test_an_open_socket_without_messages_costs_nobody_anything(self):
        clients = [self.served.websocket() for _ in range(20)]
        try:
            self.assertTrue(eventually(lambda: self.served.get('/healthcheck')[0] == 200))
        finally:
            for client in clients:
                client.close()


if __name__ == '__main__':
    unittest.main()
