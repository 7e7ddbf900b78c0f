"""A connection that is read and written at the same time."""

import socket
import threading
import time
import unittest
from unittest import mock

from support import Case

from runway import _stream
from runway._stream import Closed, Stream


class StreamTest(Case):
    def setUp(self):
        super().setUp()
        ours, self.peer = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(self.peer.close)
        self.stream = Stream(ours)

    def in_thread(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 5)
        return thread

    def test_waiting_for_bytes_does_not_lift_the_deadline_of_a_write(self):
        def write():
            with self.assertRaises(Closed):
                self.stream.write(b'x' * (8 << 20))

        with mock.patch.multiple(_stream, _GRACE=0.5, _MIN_RATE=1 << 30):
            writing = self.in_thread(write)
            time.sleep(0.1)
            self.in_thread(self.stream.wait, None)
            time.sleep(0.1)
            read = 0
            while read < 200 << 10:  # And then nothing more.
                read += len(self.peer.recv(1 << 16))
            writing.join(5)
        self.assertFalse(writing.is_alive())
        self.stream.abort()

    def test_says_that_nothing_came_in_time(self):
        started = time.monotonic()
        self.assertFalse(self.stream.wait(0.2))
        self.assertGreaterEqual(time.monotonic() - started, 0.2)


if __name__ == '__main__':
    unittest.main()
