"""Tests of the pure parts of the front of pip: taking an install apart, and choosing what takes a place."""

import importlib.util
import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement

source = Path(__file__).resolve().parents[1] / "rootfs/opt/modelport/pip_front.py"
spec = importlib.util.spec_from_file_location("pip_front", source)
pip_front = importlib.util.module_from_spec(spec)
sys.modules["pip_front"] = pip_front
spec.loader.exec_module(pip_front)


class InFolder(unittest.TestCase):
    """Each test has a folder of its own as its working folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def write(self, path, text):
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        Path(path).write_bytes(data)

    def lines(self, *arguments):
        return [(each.line, each.place) for each in pip_front.take_apart(arguments).wanted]


class TakeApart(InFolder):
    def test_reads_names_and_options_in_any_order(self):
        install = pip_front.take_apart(
            ["--no-cache-dir", "install", "-U", "Pillow==6.2.0", "--index-url", "http://i", "numpy", "--pre"]
        )
        self.assertEqual([each.line for each in install.wanted], ["Pillow==6.2.0", "numpy"])
        self.assertEqual(install.options, ["--no-cache-dir", "-U", "--index-url", "http://i", "--pre"])

    def test_leaves_other_commands_alone(self):
        for arguments in (["list"], ["download", "install"], ["--version"], []):
            self.assertIsNone(pip_front.take_apart(arguments))

    def test_refuses_what_lands_where_nothing_installed_can_stand_in(self):
        for option in (["-t", "lib"], ["--target=lib"], ["--prefix", "/x"], ["-Ut", "lib"], ["--dry-run"]):
            with self.assertRaises(pip_front.CannotTakeApart):
                pip_front.take_apart(["install", "numpy", *option])

    def test_reads_a_file_in_each_spelling_of_the_option(self):
        self.write("r.txt", "numpy\n")
        for option in (["-r", "r.txt"], ["-rr.txt"], ["-Ur", "r.txt"], ["--requirement=r.txt"], ["--requirement", "r.txt"]):
            self.assertEqual(self.lines("install", *option), [("numpy", "r.txt:1")])

    def test_numbers_the_lines_that_say_something(self):
        self.write("r.txt", "# comment\r\n\r\nrunway-python # the SDK\r\nPillow==6.2.0\r\nnumpy \\\r\n  >=1.1\r\nscipy")
        expected = [("runway-python", "r.txt:3"), ("Pillow==6.2.0", "r.txt:4"), ("numpy    >=1.1", "r.txt:5"), ("scipy", "r.txt:7")]
        self.assertEqual(self.lines("install", "-r", "r.txt"), expected)

    def test_follows_files_relative_to_the_file_that_names_them(self):
        self.write("sub/a.txt", "-r b.txt\n--requirement=../c.txt\n-c limits.txt\n--extra-index-url http://i\n-e ./here\n")
        self.write("sub/b.txt", "one\n-r a.txt\n")
        self.write("c.txt", "two\n")
        install = pip_front.take_apart(["install", "-r", "sub/a.txt"])
        lines = [(each.line, each.place) for each in install.wanted]
        self.assertEqual(lines[0], ("one", "sub/b.txt:1"))
        self.assertEqual(lines[1][0], "-r a.txt")
        self.assertEqual(lines[2:], [("two", "c.txt:1"), ("-e ./here", "sub/a.txt:5")])
        self.assertEqual(install.options, ["--constraint", "sub/limits.txt", "--extra-index-url", "http://i"])

    def test_reads_what_windows_writes(self):
        self.write("r.txt", "numpy\r\n".encode("utf-16"))
        self.write("s.txt", b"\xef\xbb\xbfnumpy\n")
        self.assertEqual(self.lines("install", "-r", "r.txt"), [("numpy", "r.txt:1")])
        self.assertEqual(self.lines("install", "-r", "s.txt"), [("numpy", "s.txt:1")])

    def test_leaves_a_missing_file_to_pip(self):
        install = pip_front.take_apart(["install", "-r", "none.txt"])
        self.assertEqual([(each.line, each.requirement) for each in install.wanted], [("-r none.txt", None)])

    def test_tells_names_from_what_only_pip_can_judge(self):
        for text in ("https://e.org/a.whl", "git+https://e.org/a", "./a", "a-1.0.tar.gz", "a @ https://e.org/a.zip", "a=1.0", "${A}"):
            self.assertIsNone(pip_front.from_line(text, None).requirement, text)
        kept = pip_front.from_line("numpy==1.17.2 --hash=sha256:00", "r.txt:1")
        self.assertEqual(str(kept.requirement), "numpy==1.17.2")
        self.assertEqual(kept.line, "numpy==1.17.2 --hash=sha256:00")

    def test_knows_which_markers_apply(self):
        self.assertTrue(pip_front.applies(Requirement('a; python_version >= "3.6"')))
        self.assertFalse(pip_front.applies(Requirement('a; python_version < "3"')))
        self.assertFalse(pip_front.applies(Requirement('a; sys_platform == "win32"')))
        self.assertFalse(pip_front.applies(Requirement('a; extra == "test"')))


class Pick(unittest.TestCase):
    def test_relaxes_a_pin_to_its_series_first(self):
        self.assertEqual(pip_front.relaxed(Requirement("a==1.15.2")), ["a~=1.15", "a>=1.15.2", "a"])
        self.assertEqual(pip_front.relaxed(Requirement("a[x]==1.15.*")), ["a[x]~=1.15", "a[x]>=1.15", "a[x]"])
        self.assertEqual(pip_front.relaxed(Requirement("a==7")), ["a>=7", "a"])
        self.assertEqual(pip_front.relaxed(Requirement("a==1.0.0+cu92")), ["a~=1.0", "a>=1.0.0", "a"])

    def test_relaxes_a_range_and_leaves_a_bare_name(self):
        self.assertEqual(pip_front.relaxed(Requirement("a>=1.1,<1.2")), ["a~=1.1", "a>=1.1", "a"])
        self.assertEqual(pip_front.relaxed(Requirement("a<2")), ["a"])
        self.assertEqual(pip_front.relaxed(Requirement("a")), [])

    def test_finds_debians_package_in_the_first_table_that_knows_the_name(self):
        ours = ["# comment", "opencv-python  python3-opencv", "keras -"]
        debians = ["Pillow python3-pil", "scikit_learn python3-sklearn", "Keras python3-keras", "argparse python3 (>= 3.2)"]
        for name, packages in {
            "Opencv_Python": ["python3-opencv"],
            "keras": [],
            "PILLOW": ["python3-pil"],
            "scikit-learn": ["python3-sklearn"],
            "argparse": ["python3"],
            "colorcet": ["python3-colorcet"],
            "a.b": ["python3-a-b"],
        }.items():
            self.assertEqual(pip_front.debian_packages(name, [ours, debians]), packages, name)

    def test_names_the_upstream_version_of_a_debian_one(self):
        for version, upstream in {"4.6.0+dfsg-12": "4.6.0", "1:2.0~rc1-1+b2": "2.0", "1.2.3": "1.2.3", "5.3-1-2": "5.3-1"}.items():
            self.assertEqual(pip_front.upstream_version(version), upstream)


class IndexSaid(unittest.TestCase):
    unfound = "ERROR: No matching distribution found for a==1\n"
    broken = "WARNING: Retrying (Retry(total=0, ...)) after connection broken by 'ProxyError(...)': /simple/a/\n"

    def test_tells_an_index_that_is_out_from_one_that_has_other_versions(self):
        none = "ERROR: Could not find a version that satisfies the requirement a==1 (from versions: none)\n"
        some = none.replace("none", "0.9, 2.0")
        old = "ERROR: Could not find a version that satisfies the requirement a==1\n"
        for output, expected in {
            some + self.unfound: (True, True),
            none + self.unfound: (True, False),
            old + self.unfound: (True, True),
            self.broken + none + self.unfound: (False, False),
            self.broken + some + self.unfound: (False, True),
            self.broken + old + self.unfound: (False, False),
            self.broken + "Successfully installed a-1": (True, True),
            "error: subprocess-exited-with-error": (True, True),
        }.items():
            self.assertEqual(pip_front.what_index_said(output), expected, output)


class World:
    """A machine of three dictionaries: installed versions, what pip can get, what Debian has."""

    def __init__(self, installed=(), pip=(), debian=(), index=True):
        self.versions, self.can, self.debian, self.index = dict(installed), dict(pip), dict(debian), index
        self.tried = []

    def installed(self, name):
        return self.versions.get(name)

    def as_asked(self, wanted):
        return self.relaxed(wanted.line)

    def relaxed(self, text):
        self.tried.append(text)
        if text in self.can:
            name, version = self.can[text]
            self.versions[name] = version
        return pip_front.Tried(text in self.can, self.index)

    def debian_packages(self, name):
        return ["python3-" + name]

    def install_debian(self, package):
        self.tried.append(package)
        return self.debian.get(package)


class Choose(unittest.TestCase):
    def choose(self, line, world, alone=False):
        outcome = pip_front.choose(pip_front.from_line(line, None), world, alone)
        return outcome.met, outcome.how, outcome.got

    def test_tries_nothing_for_what_fits_or_does_not_apply(self):
        world = World(installed={"a": "1.5"})
        self.assertEqual(self.choose("a>=1", world), (True, None, None))
        self.assertEqual(self.choose('b==1; python_version < "3"', world), (True, None, None))
        self.assertEqual(world.tried, [])

    def test_prefers_what_was_asked(self):
        world = World(installed={"a": "2"}, pip={"a==1": ("a", "1")})
        self.assertEqual(self.choose("a==1", world), (True, None, None))

    def test_keeps_another_version_that_is_installed(self):
        self.assertEqual(self.choose("a==1", World(installed={"a": "2"}, pip={"a": ("a", "3")})), (True, "installed", "2"))

    def test_asks_the_index_for_the_nearest(self):
        world = World(pip={"a>=1.2.3": ("a", "2.0"), "a": ("a", "9")})
        self.assertEqual(self.choose("a==1.2.3", world), (True, "relaxed", "2.0"))
        self.assertEqual(world.tried, ["a==1.2.3", "a~=1.2", "a>=1.2.3"])

    def test_goes_to_debian_at_once_when_no_index_knows_the_name(self):
        world = World(debian={"python3-a": "1:4.5+dfsg-1"}, index=False)
        self.assertEqual(self.choose("a==1.2.3", world), (True, "debian", "4.5"))
        self.assertEqual(world.tried, ["a==1.2.3", "python3-a"])

    def test_does_not_ask_again_what_pip_has_refused(self):
        world = World(index=False)
        self.assertEqual(self.choose("a==1.2.3", world, alone=True)[0], False)
        self.assertEqual(world.tried, ["a~=1.2", "python3-a"])
        self.assertEqual(self.choose("https://e.org/a.whl", World(), alone=True)[0], False)

    def test_lets_pip_alone_judge_an_address(self):
        world = World(pip={"https://e.org/a.whl": ("a", "1")})
        self.assertEqual(self.choose("https://e.org/a.whl", world), (True, None, None))


class Record(InFolder):
    def test_notes_each_substitution_and_fails_for_what_nothing_replaces(self):
        self.write("model/requirements.txt", "a==1.0\nb==1\nc\n")
        pip_front.PROJECT = os.path.realpath("model")
        pip_front.RECORD = os.path.realpath("record.jsonl")
        pip_front.say = lambda sentence: said.append(sentence)
        said = []
        os.chdir("model")
        install = pip_front.take_apart(["install", "-r", "requirements.txt", "d==1"])
        world = World(installed={"a": "2"}, pip={"c": ("c", "1")}, debian={"python3-d": "3-1"})
        self.assertFalse(pip_front.meet_one_by_one(install, world, 2))
        recorded = [json.loads(line) for line in Path("../record.jsonl").read_text().splitlines()]
        self.assertEqual(
            recorded,
            [
                {"requested": "a==1.0", "name": "a", "where": "requirements.txt:1", "step": 2, "how": "installed", "got": "2"},
                {
                    "requested": "d==1",
                    "name": "d",
                    "where": None,
                    "step": 2,
                    "how": "debian",
                    "got": "3",
                    "package": "python3-d",
                    "packageVersion": "3-1",
                },
            ],
        )
        self.assertIn("Substitution: a 1.0 → 2 (installed already)", said)
        self.assertIn("Substitution: nothing can take the place of b==1 (requirements.txt:2)", said)


if __name__ == "__main__":
    unittest.main()
