# SPDX-License-Identifier: Apache-2.0
"""Mustache as the npm package of that name has it: random templates and values.

INLAY_ORACLE_ROUNDS and INLAY_ORACLE_SEED make it more and other templates.
"""
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODULES = ROOT / "build-npm" / "node_modules"


class Mustache(unittest.TestCase):
    def test_renders_as_the_npm_package_does(self):
        self.assertTrue((MODULES / "mustache").is_dir(),
                        "packaging/install-deps test installs it")
        done = subprocess.run(
            ["node", str(ROOT / "tests/fuzz/npm/compare.js"),
             os.path.join(os.environ["INLAY_BUILD"], "tests/fuzz/mustache-lines"),
             os.environ.get("INLAY_ORACLE_ROUNDS", "20000"),
             os.environ.get("INLAY_ORACLE_SEED", "1")],
            env={**os.environ, "NODE_PATH": str(MODULES)}, capture_output=True,
            text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)


if __name__ == "__main__":
    unittest.main()
