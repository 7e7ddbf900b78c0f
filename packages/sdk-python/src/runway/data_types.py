"""The types that options, inputs and outputs are declared with.

A type describes a field in the manifest (`to_dict`) and converts its values: `deserialize` from
what a client sends to what a handler works with, `serialize` back. Limits such as `max_length`
or `min_width` are described for clients and not enforced, and images are never resized.

The names follow the wire format, so some of them hide Python's own (`any`, `file`) in here.
"""

import os
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Type, Union

from . import _files, _images
from ._colors import LABEL_COLORS
from .exceptions import InvalidArgumentError, MissingArgumentError

__all__ = [
    'BaseType', 'any', 'array', 'boolean', 'category', 'directory', 'file', 'image',
    'image_bounding_box', 'image_landmarks', 'image_point', 'number', 'segmentation', 'text',
    'vector',
]

Number = Union[int, float]


class BaseType(object):
    """What all types share; a model may derive a type of its own from it."""

    def __init__(self, data_type: str, description: Optional[str] = None) -> None:
        self.type = data_type
        self.name = data_type
        self.description = description

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        """Convert what a handler returned into what is sent."""
        raise NotImplementedError('A type needs a serialize method of its own.')

    def deserialize(self, value: Any) -> Any:
        """Convert what was sent into what a handler receives."""
        raise NotImplementedError('A type needs a deserialize method of its own.')

    def to_dict(self) -> Dict[str, Any]:
        """The field's entry in the manifest."""
        return {'name': self.name, 'type': self.type, 'description': self.description}

    def _invalid(self, reason: str) -> InvalidArgumentError:
        return InvalidArgumentError(self.name, reason)


class any(BaseType):
    """Any JSON value, passed on as it is."""

    def __init__(self, description: Optional[str] = None) -> None:
        super().__init__('any', description)

    def deserialize(self, value: Any) -> Any:
        return value

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        return value


class text(BaseType):
    """A string."""

    def __init__(self, description: Optional[str] = None, default: str = '', min_length: int = 0,
                 max_length: Optional[int] = None) -> None:
        super().__init__('text', description)
        self.default = default
        self.min_length = min_length
        self.max_length = max_length

    def deserialize(self, value: Any) -> Any:
        return value

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        return str(value)

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['default'] = self.default
        field['minLength'] = self.min_length
        if self.max_length:
            field['maxLength'] = self.max_length
        return field


class number(BaseType):
    """An integer or a float, with a slider's bounds and step."""

    def __init__(self, description: Optional[str] = None, default: Optional[Number] = None,
                 step: Optional[Number] = None, min: Optional[Number] = None,
                 max: Optional[Number] = None) -> None:
        super().__init__('number', description)
        # A default of 0 gives way to `min`: models rely on it since the first SDK.
        self.default = default or min or max or 0
        self.step = step
        self.min = min
        self.max = max

    def deserialize(self, value: Any) -> Any:
        return value

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        return _plain_number(value)

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['default'] = self.default
        for key in ('min', 'max', 'step'):
            if getattr(self, key) is not None:
                field[key] = getattr(self, key)
        return field


class boolean(BaseType):
    """True or False, and nothing that merely counts as one of them."""

    def __init__(self, description: Optional[str] = None, default: bool = False) -> None:
        super().__init__('boolean', description)
        self.default = default

    def deserialize(self, value: Any) -> Any:
        if not isinstance(value, bool):
            raise self._invalid('value is not a boolean.')
        return value

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        if _is_numpy_bool(value):
            return bool(value)
        return self.deserialize(value)

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['default'] = self.default
        return field


class category(BaseType):
    """One of a list of choices."""

    def __init__(self, description: Optional[str] = None, choices: Optional[Iterable[Any]] = None,
                 default: Any = None) -> None:
        super().__init__('category', description)
        if not choices:
            raise MissingArgumentError('choices')
        self.choices = list(choices)
        if default is not None and default not in self.choices:
            raise self._invalid('default "%s" does not appear in choices list.' % default)
        self.default = self.choices[0] if default is None else default

    def deserialize(self, value: Any) -> Any:
        if value not in self.choices:
            raise self._invalid('category value "%s" does not appear in choices list.' % value)
        return value

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        return value

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['oneOf'] = self.choices
        field['default'] = self.default
        return field


class vector(BaseType):
    """A list of numbers, a numpy array for the handler."""

    def __init__(self, length: Optional[int] = None, description: Optional[str] = None,
                 default: Any = None, sampling_mean: Number = 0,
                 sampling_std: Number = 1) -> None:
        super().__init__('vector', description)
        if length is None and default is None:
            raise MissingArgumentError('length')
        if length is None:
            length = len(default)
        elif default is not None and len(default) != length:
            raise self._invalid('default has %d numbers instead of %d.' % (len(default), length))
        self.length = length
        self.default = default
        self.sampling_mean = sampling_mean
        self.sampling_std = sampling_std

    def deserialize(self, value: Any) -> Any:
        import numpy
        try:
            numbers = numpy.array(value)
        # Lists of different lengths are a warning to old versions of numpy.
        except (TypeError, ValueError, OverflowError, Warning) as error:
            raise self._invalid('value is not a list of numbers.') from error
        if numbers.dtype.kind not in 'biuf':
            raise self._invalid('value is not a list of numbers.')
        return numbers

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        if hasattr(value, 'tolist'):
            return value.tolist()
        if isinstance(value, (list, tuple)):
            return list(value)
        raise self._invalid('value is neither an array nor a list of numbers.')

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['length'] = self.length
        field['samplingMean'] = self.sampling_mean
        field['samplingStd'] = self.sampling_std
        field['default'] = _plain_array(self.default)
        return field


class array(BaseType):
    """A list of values of one type."""

    def __init__(self, item_type: Optional['AnyType'] = None, description: Optional[str] = None,
                 min_length: int = 0, max_length: Optional[int] = None) -> None:
        super().__init__('array', description)
        if item_type is None:
            raise MissingArgumentError('item_type')
        self.item_type = named(item_type, None)
        self.item_type.name = '%s_array_item' % self.item_type.type
        self.min_length = min_length
        self.max_length = max_length

    def deserialize(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise self._invalid('value is not an array.')
        return self._each(value, self.item_type.deserialize)

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        if isinstance(value, (str, bytes, dict)) or not hasattr(value, '__iter__'):
            raise self._invalid('value is not an array.')
        return self._each(value, lambda item: serialize(self.item_type, item, output_format))

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['itemType'] = self.item_type.to_dict()
        field['minLength'] = self.min_length
        if self.max_length:
            field['maxLength'] = self.max_length
        return field

    def _each(self, items: Iterable[Any], convert: Callable[[Any], Any]) -> List[Any]:
        converted = []
        for index, item in enumerate(items):
            try:
                converted.append(convert(item))
            except InvalidArgumentError as error:
                # The caller knows the field by the array's name, not by its item type's.
                raise self._invalid('item %d: %s' % (index, error.reason)) from error
        return converted


class image(BaseType):
    """An image: base64 on the wire, a Pillow image for the handler."""

    def __init__(self, description: Optional[str] = None, channels: int = 3,
                 min_width: Optional[int] = None, min_height: Optional[int] = None,
                 max_width: Optional[int] = None, max_height: Optional[int] = None,
                 width: Optional[int] = None, height: Optional[int] = None,
                 default_output_format: Optional[str] = None) -> None:
        super().__init__('image', description)
        if channels not in _images.MODE_OF_CHANNELS:
            raise self._invalid('channels has to be 1, 3 or 4.')
        if default_output_format is None:
            default_output_format = 'JPEG' if channels == 3 else 'PNG'
        if str(default_output_format).upper() not in ('JPEG', 'PNG'):
            raise self._invalid('default_output_format has to be JPEG or PNG.')
        self.channels = channels
        self.default_output_format = default_output_format.upper()
        self.min_width = min_width
        self.min_height = min_height
        self.max_width = max_width
        self.max_height = max_height
        self.width = width
        self.height = height

    def deserialize(self, value: Any) -> Any:
        try:
            return _images.decode(value, _images.MODE_OF_CHANNELS[self.channels])
        except _images.BadImage as error:
            raise self._invalid(str(error)) from error

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        mode = _images.MODE_OF_CHANNELS[self.channels]
        try:
            return _images.encode(value, mode, output_format or self.default_output_format)
        except _images.BadImage as error:
            raise self._invalid(str(error)) from error

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['channels'] = self.channels
        field.update(_sizes(self))
        field['defaultOutputFormat'] = self.default_output_format
        return field


class segmentation(BaseType):
    """A map that gives each pixel a label: ids (mode L) for the handler, colours on the wire."""

    def __init__(self, label_to_id: Optional[Dict[str, int]] = None,
                 description: Optional[str] = None,
                 label_to_color: Optional[Dict[str, Sequence[int]]] = None,
                 default_label: Optional[str] = None, min_width: Optional[int] = None,
                 min_height: Optional[int] = None, max_width: Optional[int] = None,
                 max_height: Optional[int] = None, width: Optional[int] = None,
                 height: Optional[int] = None) -> None:
        super().__init__('segmentation', description)
        if label_to_id is None:
            raise MissingArgumentError('label_to_id')
        if not isinstance(label_to_id, dict) or not label_to_id:
            raise self._invalid('label_to_id has to be a dict with at least one label.')
        for label, label_id in label_to_id.items():
            if not isinstance(label_id, int) or not 0 <= label_id <= 255:
                raise self._invalid('the id of label "%s" is not from 0 to 255.' % label)
        if default_label is not None and default_label not in label_to_id:
            raise self._invalid('default_label "%s" is not in label_to_id.' % default_label)
        given = label_to_color or {}
        self.label_to_id = label_to_id
        self.label_to_color = {label: list(given.get(label, LABEL_COLORS[label_id]))
                               for label, label_id in label_to_id.items()}
        self.default_label = next(iter(label_to_id)) if default_label is None else default_label
        self.min_width = min_width
        self.min_height = min_height
        self.max_width = max_width
        self.max_height = max_height
        self.width = width
        self.height = height

    def deserialize(self, value: Any) -> Any:
        try:
            return _images.decode_label_map(value, self._id_colors())
        except _images.BadImage as error:
            reason = 'unable to parse expected base64-encoded image'
            raise self._invalid(reason) from error

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        try:
            return _images.encode_label_map(value, self._id_colors())
        except _images.BadImage as error:
            raise self._invalid(str(error)) from error

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['labels'] = list(self.label_to_id)
        field['defaultLabel'] = self.default_label
        field['labelToId'] = self.label_to_id
        field['labelToColor'] = self.label_to_color
        field.update(_sizes(self))
        return field

    def _id_colors(self) -> List[Tuple[int, List[int]]]:
        return [(label_id, self.label_to_color[label])
                for label, label_id in self.label_to_id.items()]


class file(BaseType):
    """A file or a directory: a path or a URL on the wire, a local path for the handler."""

    def __init__(self, description: Optional[str] = None, is_directory: bool = False,
                 extension: Optional[str] = None, default: Optional[str] = None) -> None:
        super().__init__('file', description)
        self.is_directory = is_directory
        self.extension = extension
        self.default = default

    def deserialize(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise self._invalid('file path provided is not a string')
        if _files.is_url(value):
            try:
                return _files.download(value)
            except _files.CannotGetFile as error:
                raise self._invalid(str(error)) from error
        # A NUL byte makes os.path.exists raise on the older Pythons.
        if '\0' in value or not os.path.exists(value):
            raise self._invalid('file path provided does not exist')
        if self.extension and not value.endswith(self.extension):
            raise self._invalid('file path does not have expected extension')
        return value

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        return value

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        if self.is_directory:
            field['isDirectory'] = True
        if self.extension:
            field['extension'] = self.extension
        if self.default:
            field['default'] = self.default
        return field


class directory(file):
    """A file that is a directory."""

    def __init__(self, description: Optional[str] = None,
                 default: Optional[str] = None) -> None:
        super().__init__(description=description, is_directory=True, default=default)


class image_point(BaseType):
    """A point in an image: [x, y], normally from 0 to 1 with 0, 0 at the top left."""

    def __init__(self, description: Optional[str] = None) -> None:
        super().__init__('image_point', description)

    def deserialize(self, value: Any) -> Any:
        point = _numbers(value)
        if point is None or len(point) != 2:
            raise self._invalid('value is not a list of two numbers.')
        return point

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        return self.deserialize(value)


class image_bounding_box(BaseType):
    """A box in an image: [left, top, right, bottom], normally from 0 to 1."""

    def __init__(self, description: Optional[str] = None) -> None:
        super().__init__('image_bounding_box', description)

    def deserialize(self, value: Any) -> Any:
        box = _numbers(value)
        if box is None or len(box) != 4:
            raise self._invalid('value is not a list of four numbers.')
        if not (box[0] < box[2] and box[1] < box[3]):
            raise self._invalid('the left and top of a box have to be below its right and bottom.')
        return box

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        return self.deserialize(value)


class image_landmarks(BaseType):
    """A fixed number of points in an image, with labels and lines between them if wished."""

    def __init__(self, length: Optional[int] = None, description: Optional[str] = None,
                 labels: Optional[Sequence[str]] = None,
                 connections: Optional[Sequence[Sequence[str]]] = None) -> None:
        super().__init__('image_landmarks', description)
        if length is None:
            raise MissingArgumentError('length')
        if length <= 0:
            raise self._invalid('length has to be above 0.')
        if labels and len(labels) != length:
            raise self._invalid('there are %d labels for %d landmarks.' % (len(labels), length))
        if connections and not labels:
            raise self._invalid('connections need labels.')
        for pair in connections or []:
            if len(pair) != 2:
                raise self._invalid('a connection joins two labels.')
            for label in pair:
                if label not in (labels or ()):
                    raise self._invalid('a connection names an unknown label "%s".' % label)
        self.length = length
        self.labels = labels
        self.connections = connections

    def deserialize(self, value: Any) -> Any:
        value = _plain_array(value)
        if not isinstance(value, (list, tuple)) or len(value) != self.length:
            raise self._invalid('value is not a list of %d points.' % self.length)
        points = [_numbers(point) for point in value]
        for point in points:
            if point is None or len(point) != 2:
                raise self._invalid('a landmark is not a list of two numbers.')
        return points

    def serialize(self, value: Any, output_format: Optional[str] = None) -> Any:
        return self.deserialize(value)

    def to_dict(self) -> Dict[str, Any]:
        field = super().to_dict()
        field['length'] = self.length
        if self.labels:
            field['labels'] = list(self.labels)
        if self.connections:
            field['connections'] = [list(pair) for pair in self.connections]
        return field


# Types may be given as an instance or as a class.
AnyType = Union[BaseType, Type[BaseType]]


def named(data_type: 'AnyType', name: Optional[str]) -> BaseType:
    """The type as an instance of its own called `name`; a class is instantiated without arguments.

    A copy, because a model may declare one instance under two names.
    """
    if isinstance(data_type, type):
        own = data_type()  # type: ignore[call-arg] # A model's own types take what they like.
    else:
        own = object.__new__(type(data_type))
        own.__dict__.update(data_type.__dict__)
    if name is not None:
        own.name = name
    return own


def serialize(data_type: BaseType, value: Any, output_format: Optional[str] = None) -> Any:
    """Serialize; a format is passed on only if one was asked for, for a model's own types."""
    if output_format is None:
        return data_type.serialize(value)
    return data_type.serialize(value, output_format)


def takes_output_format(data_type: BaseType) -> bool:
    """Whether a client may choose the format that this type is written in."""
    return isinstance(data_type, image) or (
        isinstance(data_type, array) and takes_output_format(data_type.item_type))


def _sizes(field: Union[image, segmentation]) -> Dict[str, int]:
    sizes = {
        'minWidth': field.min_width, 'maxWidth': field.max_width,
        'minHeight': field.min_height, 'maxHeight': field.max_height,
        'width': field.width, 'height': field.height,
    }
    return {key: size for key, size in sizes.items() if size}


def _plain_number(value: Any) -> Any:
    return value.item() if hasattr(value, 'item') else value


def _plain_array(value: Any) -> Any:
    return value.tolist() if hasattr(value, 'tolist') else value


def _is_numpy_bool(value: Any) -> bool:
    kind = type(value)
    return kind.__module__ == 'numpy' and kind.__name__ in ('bool_', 'bool')


def _numbers(value: Any) -> Optional[List[Any]]:
    """The value as a list of plain numbers, or None if it is not one."""
    value = _plain_array(value)
    if not isinstance(value, (list, tuple)):
        return None
    numbers = [_plain_number(item) for item in value]
    for item in numbers:
        if isinstance(item, bool) or not isinstance(item, (int, float)):
            return None
    return numbers
