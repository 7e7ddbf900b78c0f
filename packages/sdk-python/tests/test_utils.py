"""JSON and gzip."""

import gzip
import unittest

from support import Case, needs
from runway.utils import TooLarge, dump_json, gzip_compress, gzip_decompress, load_json


class GzipTest(Case):
    def test_there_and_back(self):
        for data in (b'', b'x', b'abc' * 10000):
            self.assertEqual(gzip_decompress(gzip_compress(data)), data)
            self.assertEqual(gzip.decompress(gzip_compress(data)), data)
            self.assertEqual(gzip_decompress(gzip.compress(data)), data)

    def test_reads_several_members(self):
        self.assertEqual(gzip_decompress(gzip_compress(b'a') + gzip_compress(b'b')), b'ab')

    def test_stops_at_a_limit(self):
        data = gzip_compress(b'x' * 1000)
        self.assertEqual(len(gzip_decompress(data, 1000)), 1000)
        self.assertRaises(TooLarge, gzip_decompress, data, 999)
        self.assertRaises(TooLarge, gzip_decompress, data * 5, 4000)

    def test_refuses_what_is_not_gzip(self):
        for data in (b'', b'x', gzip_compress(b'abc')[:-4], gzip_compress(b'a') + b'junk'):
            self.assertRaises(ValueError, gzip_decompress, data)


class JsonTest(Case):
    def test_writes_utf_8_and_no_nan(self):
        self.assertEqual(dump_json({'a': 'é日'}), '{"a":"é日"}'.encode('utf-8'))
        self.assertEqual(load_json(dump_json([float('nan'), {'a': (float('inf'), 1.5)}])),
                         [None, {'a': [None, 1.5]}])
        self.assertEqual(dump_json('\ud83d'), b'"\\ud83d"')

    def test_refuses_what_has_no_json(self):
        self.assertRaises(TypeError, dump_json, {'a': object()})
        self.assertRaises(TypeError, dump_json, {b'a'})

    def test_reads_bytes_and_bounds_nesting_and_digits(self):
        self.assertEqual(load_json('{"a": "é"}'.encode('utf-8')), {'a': 'é'})
        self.assertEqual(load_json('[12345678901234567890]'), [12345678901234567890])
        for data in (b'[' * 200000, b'9' * 100000, b'', b'{', b'\xff'):
            self.assertRaises(ValueError, load_json, data)

    @needs('numpy')
    def test_writes_numpy(self):
        import numpy
        self.assertEqual(dump_json([numpy.float64(0.5), numpy.int8(1), numpy.arange(2),
                                    numpy.bool_(True)]), b'[0.5,1,[0,1],true]')
        self.assertEqual(dump_json([numpy.float32('nan')]), b'[null]')


if __name__ == '__main__':
    unittest.main()
