# SPDX-License-Identifier: Apache-2.0
"""What the tests of mimd share: a folder that goes away, the original's tenant."""
import copy
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from openapi import Contract  # noqa: E402
from services.mimd import Mimd  # noqa: E402

CONTRACT = Contract()

# The body of the original's documentation, with its angle brackets filled in.
ORIGINAL = CONTRACT.doc["components"]["examples"]["OriginalTenant"]["value"]


def original(**changes):
    return {**copy.deepcopy(ORIGINAL), **changes}


class MimdCase(unittest.TestCase):
    """self.mimd runs while a test does; settings: see services/mimd.py."""

    settings = {}
    public = False
    running = True

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="inlay-mimd-")
        self.addCleanup(self.folder.cleanup)
        self.mimd = Mimd(self.folder.name, dict(self.settings), self.public, CONTRACT)
        if self.running:
            self.mimd.start()
        self.addCleanup(self.end)

    def end(self):
        status = self.mimd.stop()
        self.assertIn(status, (0, None), self.mimd.daemon.log())

    def pointers(self, answer):
        return [e["pointer"] for e in answer["errors"]]
