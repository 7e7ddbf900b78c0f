"""What `python -m pip` runs: lies in pip's own package as `__main__.py`, in the place of the original."""

import os
import sys

if __name__ == "__main__":
    # As the original does it: the working folder must not stand in for the standard library.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        sys.path.pop(0)
    if os.environ.get("MODELPORT_SUBSTITUTION") == "nearest":
        os.execv(sys.executable, [sys.executable, "/opt/modelport/pip_front.py", *sys.argv[1:]])
    # pip runs its own folder when it builds a package.
    if __package__ == "":
        sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from pip._internal.cli.main import main

    sys.exit(main())
