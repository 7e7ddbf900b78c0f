#!/usr/bin/python3
"""Stands in front of pip during build steps, so that requirements that have rotted are met by the nearest to be had.

Under the policy `nearest` (MODELPORT_SUBSTITUTION, set by `step` for one step alone) `pip install` is tried as it was
written. Only when that fails are its requirements taken apart and met one by one, each by the first that holds:
what is installed fits; pip installs it as asked; another version is installed; an index has another version; Debian
has a package of it. Each substitution is one line of `substitutions.jsonl`, which the builder reads from the image.
Any other call of pip, and all of them under `exact` or in a finished image, goes to pip itself.

Runs on Python 3.9 and newer with the standard library and what pip carries.
"""

import glob
import importlib
import json
import os
import re
import shlex
import site
import subprocess
import sys
import tempfile
from collections import deque, namedtuple
from importlib import metadata

from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name
from pip._vendor.packaging.version import InvalidVersion, Version

HERE = os.path.dirname(os.path.realpath(__file__))
REAL_PIP = "/usr/bin/pip3"
RECORD = os.path.join(HERE, "substitutions.jsonl")
PROJECT = "/model"

# Those of pip's options that take a value; any other is a flag.
SHORT_WITH_VALUE = "rceiftbC"
LONG_WITH_VALUE = {
    "--abi", "--build", "--build-constraint", "--cache-dir", "--cert", "--client-cert", "--config-settings",
    "--constraint", "--editable", "--exists-action", "--extra-index-url", "--find-links", "--global-option",
    "--group", "--implementation", "--index-url", "--install-option", "--keyring-provider", "--log", "--no-binary",
    "--only-binary", "--platform", "--prefix", "--progress-bar", "--proxy", "--python", "--python-version",
    "--report", "--requirement", "--retries", "--root", "--root-user-action", "--src", "--target", "--timeout",
    "--trusted-host", "--upgrade-strategy", "--use-deprecated", "--use-feature",
}  # fmt: skip
LONG_OF_SHORT = {"r": "--requirement", "c": "--constraint", "e": "--editable", "t": "--target"}
# Where the result lies elsewhere than Python looks, nothing that is installed can take its place.
ELSEWHERE = {"--target", "--prefix", "--root", "--python", "--dry-run", "--platform"}
# pip takes these for a file, not for the name of a distribution.
ARCHIVE = re.compile(r"\.(whl|zip|egg|tar|tgz|tbz|txz|tlz|tar\.\w+)$", re.IGNORECASE)
NEVER = "-"

# One thing to install: its line as pip takes it in a requirements file, `file:line` or None when it was typed, and
# the parsed requirement, or None for what only pip can judge (an address, a path, an editable install).
Wanted = namedtuple("Wanted", "line place requirement")
# What an install asks for: options that go with every part of it, and the parts.
Install = namedtuple("Install", "options wanted")
# How a requirement was met. `how` is None when it was met as asked.
Outcome = namedtuple("Outcome", "met how got package package_version")
AS_ASKED = Outcome(True, None, None, None, None)
UNAVAILABLE = Outcome(False, None, None, None, None)


class CannotTakeApart(Exception):
    """The arguments hold something that pip alone understands."""


# ---------------------------------------------------------------- taking arguments and requirement files apart


def take_apart(arguments):
    """Returns the `Install` that the arguments of a `pip install` ask for, or None when they are another command."""
    options, wanted = [], []
    read = reader(options, wanted, directory="", place=None)
    words = deque(arguments)
    installing = False
    while words:
        word = words.popleft()
        if word == "--":
            wanted.extend(from_line(each, None) for each in words)
            break
        if word.startswith("-") and word != "-":
            read(word, words)
        elif installing:
            wanted.append(from_line(word, None))
        elif word == "install":
            installing = True
        else:
            return None
    return Install(options, wanted) if installing else None


def reader(options, wanted, directory, place, above=()):
    """Returns a function that takes one option, and its value, from a queue of words."""

    def option(name, value):
        if name in ELSEWHERE:
            raise CannotTakeApart(name)
        if name == "--requirement":
            path = inside(directory, value)
            if path is None or path in above:
                wanted.append(Wanted("-r " + value, place, None))
            else:
                read_file(path, options, wanted, (*above, path))
        elif name == "--editable":
            wanted.append(Wanted("-e " + value, place, None))
        elif name == "--constraint":
            options.extend([name, inside(directory, value) or value])
        else:
            options.extend([name] if value is None else [name, value])

    def take(word, words):
        if word.startswith("--"):
            name, joined, value = word.partition("=")
            if name not in LONG_WITH_VALUE:
                option(word, None)
            elif joined:
                option(name, value)
            elif words:
                option(name, words.popleft())
            return
        # `-Ur file` and `-rfile` are one word of several options.
        for index, letter in enumerate(word[1:], start=1):
            name = LONG_OF_SHORT.get(letter, "-" + letter)
            if letter not in SHORT_WITH_VALUE:
                option(name, None)
                continue
            rest = word[index + 1 :]
            if rest or words:
                option(name, rest or words.popleft())
            break

    return take


def inside(directory, path):
    """A path of a requirements file, relative to the file that names it; None for an address."""
    return None if re.match(r"\w+://", path) else os.path.normpath(os.path.join(directory, path))


def read_file(path, options, wanted, above):
    """Adds what a requirements file asks for. A file that cannot be read is left for pip to complain of."""
    try:
        with open(path, "rb") as file:
            text = decode(file.read())
    except OSError:
        wanted.append(Wanted("-r " + path, None, None))
        return
    for number, line in logical_lines(text):
        place = "%s:%d" % (path, number)
        if not line.startswith("-"):
            wanted.append(from_line(line, place))
            continue
        try:
            words = deque(shlex.split(line))
        except ValueError:
            wanted.append(Wanted(line, place, None))
            continue
        take = reader(options, wanted, os.path.dirname(path), place, above)
        while words:
            word = words.popleft()
            if word.startswith("-"):
                take(word, words)


def decode(data):
    """The text of a requirements file; `pip freeze > file` in PowerShell writes UTF-16 with a mark."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def logical_lines(text):
    """Yields the number and the text of each line that says something, without comments, continued lines joined."""
    start, parts = 1, []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        start = start if parts else number
        comment = re.match(r"\s*#", line)
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        parts.append("" if comment else line)
        joined = re.sub(r"(^|\s)#.*$", "", " ".join(parts)).strip()
        parts = []
        if joined:
            yield start, joined
    joined = " ".join(parts).strip()
    if joined:
        yield start, joined


def from_line(line, place):
    """One line of a requirements file, or one typed word, as a `Wanted`."""
    # Options of one requirement, such as --hash, follow it.
    text = re.split(r"\s+--", line, maxsplit=1)[0].strip()
    requirement = None
    if not (text.startswith(".") or ARCHIVE.search(text.split(";")[0].strip())):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            pass
    if requirement is not None and requirement.url:
        requirement = None
    return Wanted(line, place, requirement)


# ---------------------------------------------------------------- what may take a requirement's place


def applies(requirement):
    """False when the requirement's marker is about another Python or another system."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def fits(requirement, version):
    """Whether an installed version is one that the requirement names."""
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def pin_of(requirement):
    """The version that a requirement is about: its pin, else its lower bound, else None."""
    for operators in (("==", "===", "~="), (">=", ">")):
        for each in requirement.specifier:
            if each.operator in operators:
                try:
                    return Version(each.version.replace(".*", ""))
                except InvalidVersion:
                    return None
    return None


def relaxed(requirement):
    """Requirements for the same distribution, each looser than the one before: its series, newer ones, any version."""
    name = requirement.name + ("[%s]" % ",".join(sorted(requirement.extras)) if requirement.extras else "")
    pin = pin_of(requirement)
    if pin is None:
        return [name] if len(requirement.specifier) else []
    series = ["%s~=%d.%d" % (name, pin.major, pin.minor)] if len(pin.release) > 1 else []
    return [*series, "%s>=%s" % (name, pin.public), name]


def debian_packages(name, tables):
    """Debian packages that may hold a distribution, likeliest first. A table's `-` says that none does."""
    wanted = canonicalize_name(name)
    for table in tables:
        for line in table:
            words = line.split("#")[0].split()
            if len(words) < 2 or canonicalize_name(words[0]) != wanted:
                continue
            return [] if words[1] == NEVER else [words[1]]
    guess = "python3-" + wanted
    return [guess] if re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", guess) else []


def upstream_version(package_version):
    """`4.5.1` of Debian's `1:4.5.1+dfsg-5`."""
    without_epoch = package_version.split(":", 1)[-1]
    return re.split(r"[+~]", without_epoch.rsplit("-", 1)[0])[0]


def choose(wanted, world, alone):
    """Meets one requirement by the first way that holds, doing it through `world`.

    `alone`: the whole install was this one requirement, so pip has refused it as asked already.
    """
    requirement = wanted.requirement
    if requirement is None:
        return UNAVAILABLE if alone or not world.as_asked(wanted).done else AS_ASKED
    if not applies(requirement):
        return AS_ASKED
    installed = world.installed(requirement.name)
    if installed is not None and not requirement.extras and fits(requirement, installed):
        return AS_ASKED
    index_knows_it = True
    if not alone:
        tried = world.as_asked(wanted)
        if tried.done:
            return AS_ASKED
        index_knows_it = tried.index_knows_it
    if installed is not None:
        return Outcome(True, "installed", installed, None, None)
    if index_knows_it:
        for text in relaxed(requirement):
            tried = world.relaxed(text)
            if tried.done:
                return Outcome(True, "relaxed", world.installed(requirement.name) or "another version", None, None)
            if not tried.index_knows_it:
                break
    for package in world.debian_packages(requirement.name):
        version = world.install_debian(package)
        if version:
            # Some of Debian's metadata says None instead of a version.
            got = world.installed(requirement.name)
            return Outcome(True, "debian", got or upstream_version(version), package, version)
    return UNAVAILABLE


# ---------------------------------------------------------------- doing it


Tried = namedtuple("Tried", "done index_knows_it")


class Machine:
    """Installs for real: pip and apt of this image."""

    def __init__(self, options):
        self.options = options
        # A constraint that the pinned version satisfied forbids what takes its place.
        self.loose_options = [
            word
            for index, word in enumerate(options)
            if word != "--constraint" and (index == 0 or options[index - 1] != "--constraint")
        ]
        self.apt_is_fresh = False
        self.index_answers = True

    def installed(self, name):
        return installed_version(name)

    def as_asked(self, wanted):
        # In a file, because some of what a line may say (--hash) pip takes nowhere else.
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write(wanted.line + "\n")
            file.flush()
            return self.pip([*self.options, "-r", file.name])

    def relaxed(self, text):
        return self.pip([*self.loose_options, text])

    def pip(self, arguments):
        """Runs pip, shows what it prints, and notes whether any index or folder knew the distribution."""
        # Where no index answers, only folders of wheels are left to ask, and waiting for it again is time lost.
        offline = [] if self.index_answers else ["--no-index"]
        command = [sys.executable, REAL_PIP, "install", *offline, *arguments]
        process = subprocess.Popen(
            command, env=without_policy(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        last = deque(maxlen=50)
        for line in process.stdout:
            last.append(line.decode("utf-8", "replace"))
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        done = process.wait() == 0
        output = "".join(last)
        answered, knows = what_index_said(output)
        self.index_answers = self.index_answers and (done or answered)
        return Tried(done, knows and (self.index_answers or "from versions:" in output))

    def debian_packages(self, name):
        tables = []
        for file in ("package-exceptions.txt", "cpython3_fallback"):
            path = os.path.join(HERE, file)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as table:
                    tables.append(table.read().splitlines())
        return debian_packages(name, tables)

    def install_debian(self, package):
        """Installs a Debian package and returns its version, or None when it cannot be had."""
        if not self.apt_is_fresh:
            # Bases carry no package lists, and without them apt knows no package.
            subprocess.run([os.path.join(HERE, "refresh-lists")], stdin=subprocess.DEVNULL)
            self.apt_is_fresh = True
        policy = subprocess.run(["apt-cache", "policy", package], stdout=subprocess.PIPE, text=True, env=plain_words())
        candidate = re.search(r"^  Candidate: (\S+)$", policy.stdout, re.MULTILINE)
        if candidate is None or candidate.group(1) == "(none)":
            return None
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
        # An old suite's security archive loses files while its lists still name them; the suite itself keeps its own.
        for choice in ([package], ["-t", codename(), package]):
            if subprocess.run([*install, *choice], stdin=subprocess.DEVNULL).returncode == 0:
                break
        else:
            return None
        query = ["dpkg-query", "-W", "-f", "${Version}", package]
        found = subprocess.run(query, stdout=subprocess.PIPE, text=True)
        return found.stdout.strip() or candidate.group(1)


def what_index_said(output):
    """Whether an index answered pip at all, and whether it or a folder knew any version of the distribution."""
    unfound = "No matching distribution found" in output
    # Before 22.0, pip does not say which versions it saw, and a connection that broke is all there is to go by.
    broken = unfound and "after connection broken by" in output
    unknown = "from versions: none" in output
    return not broken, not (unknown or broken and "from versions:" not in output)


def codename():
    """`bookworm`: the name of this Debian's own archive."""
    with open("/etc/os-release", encoding="utf-8") as file:
        return re.search(r"^VERSION_CODENAME=(\w+)$", file.read(), re.MULTILINE).group(1)


def installed_version(name):
    """The version that Python would import, from what lies on its path now, or None."""
    importlib.invalidate_caches()
    wanted = canonicalize_name(name)
    path = [site.getusersitepackages(), *sys.path[1:]]
    for each in metadata.distributions(path=path):
        found = each.metadata["Name"]
        if found and canonicalize_name(found) == wanted and each.version and each.version != "None":
            return each.version
    return None


def meet_one_by_one(install, machine, step):
    """Meets each part of a refused install; returns True when all were met."""
    say("pip refused; the requirements are met one by one (substitution policy: nearest).")
    missing = []
    for wanted in install.wanted:
        outcome = choose(wanted, machine, alone=len(install.wanted) == 1)
        if not outcome.met:
            missing.append(wanted)
        elif outcome.how is not None:
            record(wanted, outcome, step)
    for wanted in missing:
        at = " (%s)" % wanted.place if wanted.place else ""
        say("Substitution: nothing can take the place of %s%s" % (wanted.line, at))
    return not missing


def record(wanted, outcome, step):
    requirement = wanted.requirement
    entry = {
        "requested": "%s%s" % (requirement.name, requirement.specifier),
        "name": requirement.name,
        "where": project_place(wanted.place),
        "step": step,
        "how": outcome.how,
        "got": outcome.got,
    }
    if outcome.package:
        entry.update(package=outcome.package, packageVersion=outcome.package_version)
    with open(RECORD, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    means = {"installed": "installed already", "relaxed": "from the index", "debian": "Debian's %s" % outcome.package}
    asked = entry["requested"].replace("==", " ")
    say("Substitution: %s → %s (%s)" % (asked, outcome.got, means[outcome.how]))


def project_place(place):
    """`file:line` with the file relative to the project, as the builder knows it; None outside of it."""
    if place is None:
        return None
    path, line = place.rsplit(":", 1)
    relative = os.path.relpath(os.path.realpath(path), os.path.realpath(PROJECT))
    return None if relative.startswith("..") else "%s:%s" % (relative, line)


def say(sentence):
    print(sentence, flush=True)


def without_policy():
    """This environment without the policy: pip calls itself to build packages, and must reach itself."""
    return {name: value for name, value in os.environ.items() if name != "MODELPORT_SUBSTITUTION"}


def plain_words():
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def stand_in_front():
    """Puts this module in front of pip, also of a newer pip that pip itself has installed over it."""
    series = "%d.%d" % sys.version_info[:2]
    for name in ("pip", "pip3", "pip" + series):
        link = os.path.join("/usr/local/bin", name)
        if os.path.realpath(link) != os.path.realpath(__file__):
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(os.path.realpath(__file__), link)
    with open(os.path.join(HERE, "pip_main.py"), encoding="utf-8") as file:
        ours = file.read()
    for folder in ("/usr/lib/python3/dist-packages", *glob.glob("/usr/local/lib/python3*/*-packages")):
        package = os.path.join(folder, "pip")
        if not os.path.isdir(package):
            continue
        path = os.path.join(package, "__main__.py")
        if not os.path.exists(path) or open(path, encoding="utf-8").read() != ours:
            with open(path, "w", encoding="utf-8") as file:
                file.write(ours)


def main(arguments):
    """Runs pip as it was called, and mends a refused install when the policy allows it. Returns the exit code."""
    real = [sys.executable, REAL_PIP, *arguments]
    if os.environ.get("MODELPORT_SUBSTITUTION") != "nearest" or "install" not in arguments:
        os.execve(real[0], real, without_policy())
    code = subprocess.run(real, env=without_policy()).returncode
    try:
        if code == 0:
            return 0
        try:
            install = take_apart(arguments)
        except CannotTakeApart:
            return code
        # A single thing that only pip can judge was judged.
        if install is None or not any(each.requirement for each in install.wanted):
            return code
        step = os.environ.get("MODELPORT_STEP", "")
        met = meet_one_by_one(install, Machine(install.options), int(step) if step.isdigit() else None)
        return 0 if met else 1
    finally:
        stand_in_front()


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
