"""Images and label maps on the wire."""

import base64
import importlib.util
import io
import struct
import unittest

from support import Case, needs
from runway._colors import LABEL_COLORS
from runway.data_types import array, image, segmentation
from runway.exceptions import InvalidArgumentError

if importlib.util.find_spec('PIL') is not None:
    from PIL import Image


def data_uri(picture, kind='PNG'):
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return 'data:image/%s;base64,%s' % (
        kind.lower(), base64.b64encode(buffer.getvalue()).decode('ascii'))


def read(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(',')[2])))


class ColorsTest(Case):
    def test_there_is_a_colour_for_every_id(self):
        self.assertEqual(len(LABEL_COLORS), 256)
        self.assertEqual(LABEL_COLORS[:2], [[214, 0, 0], [140, 59, 255]])
        self.assertEqual(LABEL_COLORS[-1], [0xc3, 0xc1, 0x5d])


@needs('PIL')
class ImageTest(Case):
    def test_reads_each_number_of_channels_without_resizing(self):
        for source in (Image.new('RGB', (5, 3)), Image.new('L', (5, 3)), Image.new('RGBA', (5, 3)),
                       Image.new('P', (5, 3)), Image.new('LA', (5, 3)), Image.new('1', (5, 3))):
            for channels, mode in ((1, 'L'), (3, 'RGB'), (4, 'RGBA')):
                got = image(channels=channels, width=9, height=9).deserialize(data_uri(source))
                self.assertEqual((got.mode, got.size), (mode, (5, 3)))

    def test_reads_every_way_of_writing_base64(self):
        # Found by trying: this image's base64 has both of the letters that URLs change.
        source = next(p for p in (Image.new('L', (n, 3), n) for n in range(1, 255))
                      if set('+/') <= set(data_uri(p).partition(',')[2]) and '=' in data_uri(p))
        bare = data_uri(source).partition(',')[2]
        urlsafe = bare.replace('+', '-').replace('/', '_')
        lines = '\r\n'.join(bare[i:i + 20] for i in range(0, len(bare), 20))
        for value in (bare, bare.rstrip('='), urlsafe, urlsafe.rstrip('='), lines,
                      'data:image/png;base64,' + bare, 'anything at all,' + bare):
            got = image(channels=1).deserialize(value)
            self.assertEqual(got.tobytes(), source.tobytes())

    def test_refuses_what_is_no_image(self):
        ghostscript = base64.b64encode(
            b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n').decode()
        truncated = data_uri(Image.new('RGB', (50, 50)))[:80]
        for value in (None, 5, True, [], {}, '', 'x', 'data:image/png;base64,', 'é', '!!!!',
                      base64.b64encode(b'text').decode(), truncated, ghostscript):
            with self.subTest(value=value):
                self.assertRaises(InvalidArgumentError, image().deserialize, value)

    def test_writes_the_default_or_the_chosen_format(self):
        picture = Image.new('RGB', (4, 2), (9, 8, 7))
        self.assertTrue(image().serialize(picture).startswith('data:image/jpeg;base64,'))
        self.assertTrue(image(channels=4).serialize(picture).startswith('data:image/png;base64,'))
        png = image().serialize(picture, 'png')
        self.assertTrue(png.startswith('data:image/png;base64,'))
        self.assertEqual(read(png).getpixel((0, 0)), (9, 8, 7))
        written = array(image()).serialize([picture], 'PNG')
        self.assertTrue(written[0].startswith('data:image/png;base64,'))

    def test_flattens_transparency_for_jpeg(self):
        clear = Image.new('RGBA', (8, 8), (255, 0, 0, 0))
        got = read(image(channels=4).serialize(clear, 'JPEG'))
        self.assertEqual((got.format, got.mode, got.getpixel((4, 4))),
                         ('JPEG', 'RGB', (255, 255, 255)))

    def test_refuses_to_write_what_is_no_image(self):
        for value in (None, True, [], {}, 'data:image/jpeg;base64,', [[1, 2], [3, 4]], b'x'):
            with self.subTest(value=value):
                self.assertRaises(InvalidArgumentError, image().serialize, value)


@needs('PIL', 'numpy')
class ArrayTest(Case):
    def test_writes_arrays_cast_to_bytes_without_scaling(self):
        import numpy
        for shape, mode in (((2, 3), 'L'), ((2, 3, 1), 'L'), ((2, 3, 3), 'RGB'),
                            ((2, 3, 4), 'RGBA')):
            channels = {'L': 1, 'RGB': 3, 'RGBA': 4}[mode]
            for kind in (numpy.uint8, numpy.int64, numpy.float32, numpy.float64):
                pixels = numpy.full(shape, 200.7).astype(kind)
                got = read(image(channels=channels).serialize(pixels))
                self.assertEqual((got.mode, got.size), (mode, (3, 2)))
                self.assertEqual(set(numpy.asarray(got).reshape(-1).tolist()), {200})
        self.assertEqual(read(image(channels=1).serialize(
            numpy.full((2, 2), numpy.nan))).size, (2, 2))

    def test_refuses_arrays_of_other_shapes(self):
        import numpy
        for shape in ((5,), (2, 2, 2), (2, 2, 5), (1, 2, 2, 3), (0, 3), (0, 0, 3)):
            self.assertRaises(InvalidArgumentError, image().serialize, numpy.zeros(shape))

    def test_writes_open_exr(self):
        import numpy
        pixels = numpy.arange(2 * 3 * 4).reshape(2, 3, 4) * 25.5
        for value, names in ((pixels, 'ABGR'), (pixels[:, :, :3], 'BGR'), (pixels[:, :, 0], 'Y')):
            uri = image().serialize(value, 'exr')
            self.assertTrue(uri.startswith('data:image/exr;base64,'))
            size, planes = read_exr(base64.b64decode(uri.partition(',')[2]))
            self.assertEqual((size, ''.join(planes)), ((3, 2), names))
            for index, name in enumerate('RGBA' if names != 'Y' else 'Y'):
                if name in planes:
                    expected = value[:, :, index] if value.ndim == 3 else value
                    self.assertTrue(numpy.allclose(planes[name], expected / 255))
        # Neither cast nor converted: values outside of 0..255 stay, and grey stays grey.
        _, planes = read_exr(base64.b64decode(image().serialize(
            numpy.array([[-255.0, 510.0]]), 'EXR').partition(',')[2]))
        self.assertEqual(planes['Y'].tolist(), [[-1, 2]])
        _, planes = read_exr(base64.b64decode(image().serialize(
            Image.new('L', (1, 1), 255), 'EXR').partition(',')[2]))
        self.assertEqual(planes['Y'].tolist(), [[1]])


@needs('PIL', 'numpy')
class SegmentationTest(Case):
    LABELS = {'sky': 0, 'sea': 7}
    COLORS = {'sky': [0, 0, 0], 'sea': [200, 0, 0]}

    def test_reads_colours_as_the_nearest_label(self):
        field = segmentation(self.LABELS, label_to_color=self.COLORS)
        source = Image.new('RGB', (4, 1))
        source.putdata([(0, 0, 0), (99, 0, 0), (100, 0, 0), (101, 255, 255)])
        for picture in (source, source.convert('RGBA')):
            got = field.deserialize(data_uri(picture))
            # The third is as far from one as from the other, and goes to the first label.
            self.assertEqual((got.mode, list(got.tobytes())), ('L', [0, 0, 0, 7]))

    def test_returns_other_modes_as_they_are(self):
        for mode in ('L', 'P'):
            got = segmentation(self.LABELS).deserialize(data_uri(Image.new(mode, (2, 2), 1)))
            self.assertEqual((got.mode, got.getpixel((0, 0))), (mode, 1))

    def test_says_one_thing_about_everything_that_it_cannot_read(self):
        for value in (None, True, 'x', 'data:image/jpeg;base64,', []):
            with self.assertRaises(InvalidArgumentError) as caught:
                segmentation(self.LABELS).deserialize(value)
            self.assertEqual(caught.exception.message, 'Invalid argument: segmentation. '
                             'unable to parse expected base64-encoded image')

    def test_paints_ids_and_leaves_those_without_a_label_black(self):
        import numpy
        field = segmentation(self.LABELS, label_to_color={'sky': [1, 2, 3], 'sea': [4, 5, 6]})
        ids = numpy.array([[0, 7, 9]])
        for value in (ids, ids.astype(numpy.uint8), Image.fromarray(ids.astype(numpy.uint8))):
            uri = field.serialize(value, 'JPEG')
            self.assertTrue(uri.startswith('data:image/png;base64,'))
            got = read(uri)
            self.assertEqual([got.getpixel((x, 0)) for x in range(3)],
                             [(1, 2, 3), (4, 5, 6), (0, 0, 0)])

    def test_writes_colours_as_they_are(self):
        import numpy
        got = read(segmentation(self.LABELS).serialize(numpy.full((1, 1, 3), 9)))
        self.assertEqual(got.getpixel((0, 0)), (9, 9, 9))
        self.assertRaises(InvalidArgumentError, segmentation(self.LABELS).serialize, 'x')

    def test_a_map_survives_the_way_there_and_back(self):
        labels = {'label %d' % n: n for n in range(256)}
        source = Image.frombytes('L', (16, 16), bytes(range(256)))
        field = segmentation(labels)
        self.assertEqual(field.deserialize(field.serialize(source)).tobytes(), source.tobytes())

    def test_a_photo_of_many_colours_is_read_quickly(self):
        import os
        import time
        photo = Image.frombytes('RGB', (512, 512), os.urandom(512 * 512 * 3))
        field = segmentation({'label %d' % n: n for n in range(20)})
        uri = data_uri(photo)
        started = time.monotonic()
        field.deserialize(uri)
        self.assertLess(time.monotonic() - started, 3)


def read_exr(data):
    """`((width, height), {channel: rows})` of an uncompressed scan-line file of floats."""
    import numpy
    assert struct.unpack('<ii', data[:8]) == (20000630, 2)
    place, attributes = 8, {}
    while data[place]:
        end = data.index(b'\0', place)
        name = data[place:end].decode()
        end = data.index(b'\0', end + 1)
        size, = struct.unpack('<i', data[end + 1:end + 5])
        attributes[name] = data[end + 5:end + 5 + size]
        place = end + 5 + size
    place += 1
    left, top, right, bottom = struct.unpack('<iiii', attributes['dataWindow'])
    width, height = right - left + 1, bottom - top + 1
    names, channels = [], attributes['channels']
    while channels[0]:
        end = channels.index(b'\0')
        names.append(channels[:end].decode())
        assert struct.unpack('<i', channels[end + 1:end + 5]) == (2,)
        channels = channels[end + 17:]
    planes = {name: numpy.zeros((height, width)) for name in names}
    offsets = struct.unpack('<%dQ' % height, data[place:place + 8 * height])
    for row, offset in enumerate(offsets):
        line, size = struct.unpack('<ii', data[offset:offset + 8])
        assert (line, size) == (row, 4 * width * len(names))
        values = numpy.frombuffer(data[offset + 8:offset + 8 + size], '<f4')
        for index, name in enumerate(names):
            planes[name][row] = values[index * width:(index + 1) * width]
    assert offset + 8 + size == len(data)
    return (width, height), planes


if __name__ == '__main__':
    unittest.main()
