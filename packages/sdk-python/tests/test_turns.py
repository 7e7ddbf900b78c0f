"""One call at a time, in order, in one thread."""

import threading
import time
import unittest

from support import Case, eventually
from runway._turns import Turns


class TurnsTest(Case):
    def serve(self):
        turns, ready = Turns(), threading.Event()

        def serve():
            turns.attach()
            ready.set()
            turns.serve()
            turns.detach()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        ready.wait()

        def stop():
            turns.stop()
            thread.join(5)
            self.assertFalse(thread.is_alive())

        self.addCleanup(stop)
        return turns, thread

    def test_without_a_serving_thread_the_caller_does_it(self):
        self.assertEqual(Turns().run(threading.get_ident), threading.get_ident())

    def test_calls_are_made_in_the_serving_thread_one_at_a_time(self):
        turns, thread = self.serve()
        inside, order = [], []

        def call(number):
            inside.append(number)
            self.assertEqual(len(inside), 1)
            time.sleep(0.01)
            inside.remove(number)
            order.append(number)
            return threading.get_ident()

        callers = [threading.Thread(target=lambda n=n: turns.run(lambda: call(n)))
                   for n in range(8)]
        for caller in callers:
            caller.start()
        self.assertEqual(turns.run(lambda: call('last')), thread.ident)
        for caller in callers:
            caller.join()
        self.assertEqual(sorted(order, key=str), [0, 1, 2, 3, 4, 5, 6, 7, 'last'])

    def test_errors_go_to_the_caller(self):
        turns, _ = self.serve()
        self.assertRaises(KeyError, turns.run, lambda: {}['gone'])
        self.assertEqual(turns.run(lambda: turns.run(lambda: 'nested')), 'nested')

    def test_a_posted_call_can_be_withdrawn_until_its_turn(self):
        turns, _ = self.serve()
        gate, made = threading.Event(), []
        blocker = gate.wait
        turns.post(blocker)
        first, second = (lambda: made.append(1)), (lambda: made.append(2))
        turns.post(first)
        turns.post(second)
        self.assertTrue(turns.withdraw(first))
        gate.set()
        self.assertTrue(eventually(lambda: made == [2]))
        self.assertFalse(turns.withdraw(second))

    def test_who_still_waits_at_the_end_is_told(self):
        turns, errors = Turns(), []
        turns.attach()

        def wait():
            try:
                turns.run(lambda: None)
            except RuntimeError as error:
                errors.append(str(error))

        caller = threading.Thread(target=wait)
        caller.start()
        self.assertTrue(eventually(lambda: turns._waiting))
        turns.detach()
        caller.join(5)
        self.assertEqual(errors, ['The model server stopped.'])


if __name__ == '__main__':
    unittest.main()
