"""Small conversions between bytes, text and JSON, shared by the HTTP and the WebSocket side."""

import json
import math
import sys
import zlib
from typing import Any, Callable, Optional, Union

# zlib's own number for "write and expect a gzip header".
_GZIP = 16 + zlib.MAX_WBITS

# Reading the digits of an integer takes quadratic time on a Python that does not bound them.
_MAX_DIGITS = 4300


class TooLarge(Exception):
    """Data would be larger than the limit that its reader set."""


def gzip_compress(data: bytes, level: int = 6) -> bytes:
    """Compress bytes in gzip format."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
    return compressor.compress(data) + compressor.flush()


def gzip_decompress(data: bytes, max_size: Optional[int] = None) -> bytes:
    """Decompress bytes in gzip format (several members too); `TooLarge` beyond `max_size` bytes."""
    parts = []
    size = 0
    while data:
        member = zlib.decompressobj(_GZIP)
        # One byte more than allowed is enough to know that there is too much.
        room = 0 if max_size is None else max_size - size + 1
        try:
            part = member.decompress(data, room)
        except zlib.error as error:
            raise ValueError('The data is not gzip: %s.' % error) from None
        size += len(part)
        if max_size is not None and size > max_size:
            raise TooLarge('The data is larger than %d bytes when decompressed.' % max_size)
        if not member.eof:
            raise ValueError('The gzip data ends too early.')
        parts.append(part)
        data = member.unused_data
    if not parts:
        raise ValueError('The gzip data is empty.')
    return b''.join(parts)


def dump_json(value: Any) -> bytes:
    """JSON as UTF-8 bytes; numpy numbers and arrays become plain ones, NaN and infinities null."""
    try:
        text = _encode(value)
    except ValueError:
        # JSON has no NaN. Looking for them costs a walk, so it is done only when one was met.
        text = _encode(_without_nan(value))
    try:
        return text.encode('utf-8')
    except UnicodeEncodeError:
        # Half of a surrogate pair has no UTF-8 form, but JSON can escape it.
        return json.dumps(json.loads(text)).encode('ascii')


def load_json(data: Union[str, bytes]) -> Any:
    """Read JSON from bytes or text; ValueError for all that cannot be read."""
    try:
        return json.loads(data, parse_int=_parse_int)
    except RecursionError:
        raise ValueError('The JSON is nested too deeply.') from None


def _bounded_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError('A number in the JSON has too many digits.')
    return int(digits)


_parse_int: Optional[Callable[[str], int]] = _bounded_int
if hasattr(sys, 'get_int_max_str_digits'):
    _parse_int = None


def _plain(value: Any) -> Any:
    # The arrays and scalars of numpy and PyTorch all have tolist(), and little else does.
    if hasattr(value, 'tolist'):
        return value.tolist()
    raise TypeError('A value of type %s cannot be written as JSON.' % type(value).__name__)


_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(',', ':'), default=_plain).encode


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if hasattr(value, 'tolist'):
        return _without_nan(value.tolist())
    return value
