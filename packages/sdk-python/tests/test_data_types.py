"""The data types: what each writes into the manifest, reads and writes, and refuses."""

import os
import unittest

from support import Case, needs
from runway import data_types
from runway.data_types import (
    BaseType, any, array, boolean, category, directory, file, image, image_bounding_box,
    image_landmarks, image_point, number, segmentation, text, vector)
from runway.exceptions import InvalidArgumentError, MissingArgumentError


def entry(data_type, **keys):
    """The manifest entry that a type without a description has."""
    return dict({'name': data_type, 'type': data_type, 'description': None}, **keys)


class ManifestTest(Case):
    def test_every_row(self):
        ids = {'sky': 0, 'sea': 3}
        colors = {'sky': [214, 0, 0], 'sea': [0, 172, 198]}
        item = dict(entry('text', default='', minLength=0), name='text_array_item')
        rows = [
            (any(), entry('any')),
            (image_point(), entry('image_point')),
            (image_bounding_box(), entry('image_bounding_box')),
            (text(), entry('text', default='', minLength=0)),
            (text('d', 'x', 1, 9), dict(entry('text', default='x', minLength=1, maxLength=9),
                                        description='d')),
            (number(), entry('number', default=0)),
            (number('d', 4, 2, 1, 9), dict(entry('number', default=4, step=2, min=1, max=9),
                                           description='d')),
            (number(default=0, min=5), entry('number', default=5, min=5)),
            (number(min=0, max=7, step=0), entry('number', default=7, min=0, max=7, step=0)),
            (boolean(), entry('boolean', default=False)),
            (boolean('d', True), dict(entry('boolean', default=True), description='d')),
            (category('d', ['a', 'b'], 'b'), dict(entry('category', oneOf=['a', 'b'], default='b'),
                                                  description='d')),
            (category(choices=[3, 0], default=0), entry('category', oneOf=[3, 0], default=0)),
            (category(choices=['a', None]), entry('category', oneOf=['a', None], default='a')),
            (vector(5), entry('vector', length=5, samplingMean=0, samplingStd=1, default=None)),
            (vector(2, 'd', [1, 2], 3, 4), dict(entry(
                'vector', length=2, samplingMean=3, samplingStd=4, default=[1, 2]),
                description='d')),
            (vector(default=[1, 2]), entry(
                'vector', length=2, samplingMean=0, samplingStd=1, default=[1, 2])),
            (array(text), entry('array', itemType=item, minLength=0)),
            (array(text(), 'd', 1, 9), dict(entry('array', itemType=item, minLength=1, maxLength=9),
                                            description='d')),
            (image(), entry('image', channels=3, defaultOutputFormat='JPEG')),
            (image(channels=1), entry('image', channels=1, defaultOutputFormat='PNG')),
            (image('d', 4, 1, 2, 3, 4, 5, 6, 'jpeg'), dict(entry(
                'image', channels=4, minWidth=1, minHeight=2, maxWidth=3, maxHeight=4, width=5,
                height=6, defaultOutputFormat='JPEG'), description='d')),
            (segmentation(ids), entry('segmentation', labels=['sky', 'sea'], defaultLabel='sky',
                                      labelToId=ids, labelToColor=colors)),
            (segmentation(ids, 'd', {'sea': [1, 2, 3]}, 'sea', 1, 2, 3, 4, 5, 6), dict(entry(
                'segmentation', labels=['sky', 'sea'], defaultLabel='sea', labelToId=ids,
                labelToColor={'sky': [214, 0, 0], 'sea': [1, 2, 3]}, minWidth=1, minHeight=2,
                maxWidth=3, maxHeight=4, width=5, height=6), description='d')),
            (file(), entry('file')),
            (file('d', True, '.x', 'y'), dict(entry(
                'file', isDirectory=True, extension='.x', default='y'), description='d')),
            (directory('d', 'y'), dict(entry('file', isDirectory=True, default='y'),
                                       description='d')),
            (image_landmarks(2), entry('image_landmarks', length=2)),
            (image_landmarks(2, 'd', ['a', 'b'], [('a', 'b')]), dict(entry(
                'image_landmarks', length=2, labels=['a', 'b'], connections=[['a', 'b']]),
                description='d')),
        ]
        for field, expected in rows:
            with self.subTest(expected=expected):
                self.assertEqual(field.to_dict(), expected)

    def test_all_types_are_names_of_the_package_too(self):
        import runway
        for name in data_types.__all__:
            self.assertIs(getattr(runway, name), getattr(data_types, name))

    def test_an_instance_declared_under_two_names_is_two_fields(self):
        shared = text()
        one, other = data_types.named(shared, 'one'), data_types.named(shared, 'other')
        self.assertEqual((one.name, other.name, shared.name), ('one', 'other', 'text'))


class ConstructorTest(Case):
    def test_missing_arguments(self):
        for make in (array, category, vector, segmentation,
                     lambda: category(choices=[]), image_landmarks):
            self.assertRaises(MissingArgumentError, make)

    def test_invalid_arguments(self):
        cases = [
            lambda: category(choices=['a'], default='b'),
            lambda: vector(3, default=[1]),
            lambda: image(channels=2),
            lambda: image(default_output_format='GIF'),
            lambda: image(default_output_format='EXR'),
            lambda: segmentation({}),
            lambda: segmentation([]),
            lambda: segmentation({'a': 256}),
            lambda: segmentation({'a': 'b'}),
            lambda: segmentation({'a': 0}, default_label='b'),
            lambda: image_landmarks(0),
            lambda: image_landmarks(-1),
            lambda: image_landmarks(2, labels=['a']),
            lambda: image_landmarks(2, connections=[['a', 'b']]),
            lambda: image_landmarks(2, labels=['a', 'b'], connections=[['a']]),
            lambda: image_landmarks(2, labels=['a', 'b'], connections=[['a', 'c']]),
        ]
        for number_of_case, make in enumerate(cases):
            with self.subTest(case=number_of_case):
                self.assertRaises(InvalidArgumentError, make)


class ConversionTest(Case):
    def refuses(self, convert, *values):
        for value in values:
            with self.subTest(value=value):
                self.assertRaises(InvalidArgumentError, convert, value)

    def test_base_type_leaves_conversion_to_others(self):
        self.assertRaises(NotImplementedError, BaseType('x').serialize, 1)
        self.assertRaises(NotImplementedError, BaseType('x').deserialize, 1)

    def test_any_and_file_are_written_as_they_are(self):
        for value in (None, 1, 'a', [], {}):
            self.assertIs(any().serialize(value), value)
            self.assertIs(any().deserialize(value), value)
            self.assertIs(file().serialize(value), value)

    def test_text_is_written_as_a_string(self):
        self.assertEqual(text().serialize(5), '5')
        self.assertEqual(text().deserialize('x' * 20), 'x' * 20)

    def test_boolean_is_nothing_but_a_boolean(self):
        for convert in (boolean().serialize, boolean().deserialize):
            self.assertIs(convert(True), True)
            self.assertIs(convert(False), False)
            self.refuses(convert, 0, 1, 'true', None, [], [True], {}, 1.0)

    def test_category_names_the_value_that_it_refuses(self):
        chosen = category(choices=['a', 2])
        self.assertEqual(chosen.deserialize(2), 2)
        self.assertEqual(chosen.serialize('z'), 'z')
        with self.assertRaises(InvalidArgumentError) as caught:
            chosen.deserialize('z')
        self.assertEqual(caught.exception.message, 'Invalid argument: category. '
                         'category value "z" does not appear in choices list.')
        self.refuses(chosen.deserialize, [], {}, None)

    def test_vector_writes_lists_without_numpy(self):
        self.assertEqual(vector(2).serialize([1, 2]), [1, 2])
        self.assertEqual(vector(2).serialize((1, 2, 3)), [1, 2, 3])
        self.refuses(vector(2).serialize, 'ab', 5, None, {})

    def test_array_converts_each_item_and_says_which_one_is_wrong(self):
        choices = array(category(choices=['a', 'b']))
        self.assertEqual(choices.deserialize(['b', 'a']), ['b', 'a'])
        choices.name = 'picks'
        with self.assertRaises(InvalidArgumentError) as caught:
            choices.deserialize(['a', 'c'])
        self.assertIn('Invalid argument: picks. item 1: category value "c"',
                      caught.exception.message)
        self.refuses(choices.deserialize, 'ab', {'a': 1}, 5, None)
        self.assertEqual(array(text).serialize(number for number in (1, 2)), ['1', '2'])
        self.refuses(array(text).serialize, 'ab', {'a': 1}, 5, None)

    def test_points_boxes_and_landmarks(self):
        self.assertEqual(image_point().deserialize([-1, 2.5]), [-1, 2.5])
        self.assertEqual(image_point().serialize((0, 1)), [0, 1])
        self.refuses(image_point().deserialize, [], [1], [1, 2, 3], ['a', 'b'], 'ab', None,
                     [True, False], {'x': 1, 'y': 2})
        self.assertEqual(image_bounding_box().deserialize([0, 0, 1, 1]), [0, 0, 1, 1])
        self.refuses(image_bounding_box().deserialize, [], [0, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1],
                     [1, 0, 0, 1], ['a', 'b', 'c', 'd'], None)
        self.assertEqual(image_landmarks(2).deserialize([[0, 0], [1, 1]]), [[0, 0], [1, 1]])
        self.refuses(image_landmarks(2).deserialize, [], [[0, 0]], [[0, 0], [1]], [0, 1], None,
                     [[0, 0], [1, 1], [2, 2]])

    def test_file_paths(self):
        here = os.path.abspath(__file__)
        self.assertEqual(file().deserialize(here), here)
        self.assertEqual(file(extension='.py').deserialize(here), here)
        place = os.path.dirname(here)
        self.assertEqual(directory().deserialize(place), place)
        for value, reason in ((here + 'x', 'file path provided does not exist'), ('a\0b', None)):
            with self.assertRaises(InvalidArgumentError) as caught:
                file().deserialize(value)
            self.assertIn(reason or 'does not exist', caught.exception.message)
        with self.assertRaises(InvalidArgumentError) as caught:
            file(extension='.txt').deserialize(here)
        self.assertIn('file path does not have expected extension', caught.exception.message)
        self.refuses(file().deserialize, None, 5, [], {})


@needs('numpy')
class NumpyTest(Case):
    def test_numbers_become_plain(self):
        import numpy
        for value, kind in ((numpy.float32(0.5), float), (numpy.int64(3), int),
                            (numpy.array([2.5]), float)):
            self.assertIs(type(number().serialize(value)), kind)
        self.assertIs(boolean().serialize(numpy.bool_(True)), True)
        self.assertIs(type(image_point().serialize(numpy.array([1.5, 2]))[0]), float)
        self.assertEqual(image_point().serialize([numpy.float32(0.5), 1]), [0.5, 1])
        self.assertEqual(image_landmarks(1).serialize(numpy.zeros((1, 2))), [[0, 0]])
        self.assertEqual(image_bounding_box().serialize(numpy.array([0, 0, 1, 1])), [0, 0, 1, 1])

    def test_vector_reads_arrays_of_any_length(self):
        import numpy
        read = vector(3).deserialize([1, 2.5])
        self.assertIsInstance(read, numpy.ndarray)
        self.assertEqual(read.tolist(), [1, 2.5])
        self.assertEqual(vector(3).serialize(numpy.array([1, 2])), [1, 2])
        for value in ('abc', ['a'], [[1], [1, 2]], None, {}, [None]):
            with self.subTest(value=value):
                self.assertRaises(InvalidArgumentError, vector(3).deserialize, value)

    def test_array_writes_numpy_arrays(self):
        import numpy
        written = array(vector(2)).serialize(numpy.zeros((3, 2)))
        self.assertEqual(written, [[0, 0]] * 3)


if __name__ == '__main__':
    unittest.main()
