# SPDX-License-Identifier: Apache-2.0
"""Where the programs of the build are: $KESTRA_BUILD, the current directory, the source tree, or its build/."""
import os
import sys


def find_program(name):
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    for folder in (os.environ.get("KESTRA_BUILD"), os.getcwd(), top, os.path.join(top, "build")):
        if folder and os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    sys.exit("%s is not built: run make %s, or set KESTRA_BUILD to the build directory" % (name, name))
