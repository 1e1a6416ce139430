# SPDX-License-Identifier: Apache-2.0
"""A short soak, of which `make soak` is the long form."""
import os
import pathlib
import subprocess
import sys
import unittest

SOAK = pathlib.Path(__file__).resolve().parent.parent / "soak/soak.py"
SEED = "3"


def soak(*options):
    done = subprocess.run([sys.executable, SOAK, "--seed", SEED, *options],
                          capture_output=True, text=True, timeout=400)
    return done.returncode, done.stdout + done.stderr


class Soak(unittest.TestCase):
    def test_what_broke_for_a_while_left_no_difference(self):
        status, text = soak("--seconds", "25", "--not-final")
        self.assertEqual(status, 0, text)
        self.assertIn("0 differences", text)

    def test_kills_under_load_left_no_difference(self):
        status, text = soak("--kills", "30", "--not-final")
        self.assertEqual(status, 0, text)
        self.assertIn("Kills: 30 ", text)

    def test_the_same_seed_gives_the_same_plan(self):
        status, text = soak("--plan")
        self.assertEqual(status, 0, text)
        self.assertGreater(text.count("\n"), 100)
        self.assertEqual(soak("--plan"), (0, text))


if __name__ == "__main__":
    os.environ.setdefault("INLAY_BUILD", "build")
    unittest.main()
