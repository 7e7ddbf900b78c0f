"""Images on the wire: base64 to Pillow and back, label maps, and a small OpenEXR writer.

Only this module touches Pillow and numpy for images, and only inside its functions, so that a
model without images runs where neither is installed.
"""

import base64
import binascii
import io
import struct

MODE_OF_CHANNELS = {1: 'L', 3: 'RGB', 4: 'RGBA'}
OUTPUT_FORMATS = ('JPEG', 'PNG', 'EXR')

# To draw these, Pillow starts Ghostscript or asks the operating system: too much for a stranger's
# upload.
_REFUSED_FORMATS = ('EPS', 'WMF')


class BadImage(Exception):
    """The value is not an image; the text says why."""


def decode(value, mode):
    """The image in a data URI or in bare base64, converted to a Pillow mode."""
    opened = _open(value)
    try:
        return opened if opened.mode == mode else opened.convert(mode)
    except Exception as error:
        raise BadImage('unable to convert the image to mode %s.' % mode) from error


def encode(value, mode, output_format):
    """A data URI of a Pillow image or a numpy array."""
    output_format = output_format.upper()
    if output_format == 'EXR':
        return _data_uri('exr', _exr(_exact_pixels(value)))
    picture = _picture(value)
    try:
        if picture.mode != mode:
            picture = picture.convert(mode)
        if output_format == 'JPEG' and picture.mode == 'RGBA':
            picture = _on_white(picture)
        return _data_uri(output_format.lower(), _file_bytes(picture, output_format))
    except Exception as error:
        raise BadImage('unable to write the image as %s.' % output_format) from error


def decode_label_map(value, id_colors):
    """A label map as a mode-L image of ids; one that is not in colour is returned as it is."""
    picture = _open(value)
    if picture.mode not in ('RGB', 'RGBA'):
        return picture
    try:
        return _nearest_ids(picture.convert('RGB'), id_colors)
    except Exception as error:
        raise BadImage('unable to read the labels of the image.') from error


def encode_label_map(value, id_colors):
    """A PNG data URI of a label map; ids (mode L) are painted in the colours of their labels."""
    picture = _picture(value)
    try:
        if picture.mode == 'L':
            palette = bytearray(256 * 3)
            for label_id, color in id_colors:
                palette[label_id * 3:label_id * 3 + 3] = bytes(color)
            picture = picture.copy()
            picture.putpalette(bytes(palette))
            picture = picture.convert('RGB')
        return _data_uri('png', _file_bytes(picture, 'PNG'))
    except Exception as error:
        raise BadImage('unable to write the label map as PNG.') from error


def _open(value):
    from PIL import Image
    data = _base64_bytes(value)
    try:
        picture = Image.open(io.BytesIO(data))
        if picture.format in _REFUSED_FORMATS:
            raise BadImage('images in %s format are not read.' % picture.format)
        picture.load()
    except BadImage:
        raise
    except Exception as error:
        # Pillow's readers raise almost anything on broken files, from SyntaxError to struct.error.
        raise BadImage('unable to parse expected base64-encoded image') from error
    return picture


def _base64_bytes(value):
    if not isinstance(value, str):
        raise BadImage('expected a base64-encoded image')
    try:
        data = value[value.find(',') + 1:].encode('ascii')
    except UnicodeEncodeError:
        raise BadImage('unable to parse expected base64-encoded image') from None
    # Browsers, Python and other clients disagree about alphabet, line breaks and padding.
    data = data.translate(_STANDARD_ALPHABET, b' \t\r\n=')
    try:
        return base64.b64decode(data + b'=' * (-len(data) % 4), validate=True)
    except binascii.Error:
        raise BadImage('unable to parse expected base64-encoded image') from None


_STANDARD_ALPHABET = bytes.maketrans(b'-_', b'+/')


def _picture(value):
    """The value as a Pillow image; arrays are cast to 8 bits without scaling."""
    from PIL import Image
    if isinstance(value, Image.Image):
        return value
    pixels = _array(value)
    import numpy
    with numpy.errstate(invalid='ignore'):
        pixels = pixels.astype(numpy.uint8)
    return Image.fromarray(numpy.ascontiguousarray(pixels))


def _exact_pixels(value):
    """The value as an array that is neither cast nor converted."""
    from PIL import Image
    import numpy
    return _array(numpy.asarray(value) if isinstance(value, Image.Image) else value)


def _array(value):
    if not _is_numpy_array(value):
        raise BadImage('value is neither a Pillow image nor a numpy array.')
    if value.ndim == 3 and value.shape[2] == 1:
        value = value[:, :, 0]
    if value.ndim != 2 and not (value.ndim == 3 and value.shape[2] in (3, 4)):
        raise BadImage('an array of shape %s is not an image.' % (value.shape,))
    if 0 in value.shape:
        raise BadImage('an array of shape %s has no pixels.' % (value.shape,))
    return value


def _is_numpy_array(value):
    # Asked of the class, so that a value of another kind does not make us import numpy.
    names = [(kind.__module__, kind.__name__) for kind in type(value).__mro__]
    return ('numpy', 'ndarray') in names


def _on_white(picture):
    from PIL import Image
    paper = Image.new('RGB', picture.size, (255, 255, 255))
    paper.paste(picture, mask=picture.getchannel('A'))
    return paper


def _file_bytes(picture, output_format):
    buffer = io.BytesIO()
    picture.save(buffer, format=output_format)
    return buffer.getvalue()


def _data_uri(kind, data):
    return 'data:image/%s;base64,%s' % (kind, base64.b64encode(data).decode('ascii'))


def _nearest_ids(picture, id_colors):
    """Each pixel's nearest label colour, by distance in RGB; the first label wins a tie."""
    import numpy
    from PIL import Image
    pixels = numpy.asarray(picture).astype(numpy.int32)
    packed = (pixels[:, :, 0] << 16) | (pixels[:, :, 1] << 8) | pixels[:, :, 2]
    # A map has few colours, so the distances are taken once per colour and not once per pixel.
    colors, places = numpy.unique(packed.reshape(-1), return_inverse=True)
    red, green, blue = colors >> 16, (colors >> 8) & 255, colors & 255
    ids = numpy.zeros(len(colors), numpy.uint8)
    nearest = numpy.full(len(colors), 1 << 30, numpy.int32)
    for label_id, color in id_colors:
        distance = (red - color[0]) ** 2 + (green - color[1]) ** 2 + (blue - color[2]) ** 2
        closer = distance < nearest
        ids[closer] = label_id
        nearest[closer] = distance[closer]
    return Image.fromarray(ids[places.reshape(-1)].reshape(packed.shape))


def _exr(pixels):
    """An uncompressed OpenEXR scan-line file of 32-bit floats, scaled from 0..255 to 0..1."""
    import numpy
    pixels = pixels.astype('<f4') / numpy.float32(255)
    height, width = pixels.shape[:2]
    if pixels.ndim == 2:
        planes = {'Y': pixels}
    else:
        planes = {name: pixels[:, :, index] for index, name in enumerate('RGBA'[:pixels.shape[2]])}
    # The format wants channels in alphabetical order, in the list as in each line.
    names = sorted(planes)
    channels = b''.join(
        name.encode('ascii') + b'\0' + struct.pack('<iB3xii', _EXR_FLOAT, 0, 1, 1)
        for name in names) + b'\0'
    window = struct.pack('<iiii', 0, 0, width - 1, height - 1)
    header = _EXR_MAGIC + b''.join([
        _exr_attribute('channels', 'chlist', channels),
        _exr_attribute('compression', 'compression', b'\0'),
        _exr_attribute('dataWindow', 'box2i', window),
        _exr_attribute('displayWindow', 'box2i', window),
        _exr_attribute('lineOrder', 'lineOrder', b'\0'),
        _exr_attribute('pixelAspectRatio', 'float', struct.pack('<f', 1)),
        _exr_attribute('screenWindowCenter', 'v2f', struct.pack('<ff', 0, 0)),
        _exr_attribute('screenWindowWidth', 'float', struct.pack('<f', 1)),
    ]) + b'\0'
    line_size = 4 * width * len(names)
    first_line = len(header) + 8 * height
    offsets = [first_line + row * (8 + line_size) for row in range(height)]
    lines = numpy.stack([planes[name] for name in names], axis=1)
    parts = [header, struct.pack('<%dQ' % height, *offsets)]
    for row in range(height):
        parts.append(struct.pack('<ii', row, line_size))
        parts.append(lines[row].tobytes())
    return b''.join(parts)


# Magic number, then version 2 with no flags: a single-part scan-line file.
_EXR_MAGIC = struct.pack('<ii', 20000630, 2)
_EXR_FLOAT = 2


def _exr_attribute(name, kind, value):
    return b'%s\0%s\0%s%s' % (
        name.encode('ascii'), kind.encode('ascii'), struct.pack('<i', len(value)), value)
