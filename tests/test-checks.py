#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The checks of the sources find what they are for (and nothing else)."""
import pathlib
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent


class Checks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name in ("base/str.h", "base/json-internal.h", "wire/wire.h", "net/http.h",
                     "model/user.h", "store/store.h", "store/lmdb/lmdb.h",
                     "decision/decide.h", "mim/mim.h"):
            self.put(f"src/{name}", "")

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def check(self, script):
        done = subprocess.run([HERE / script, self.root], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 1 if done.stdout else 0)
        return done.stdout

    def assert_fault(self, script, name, text, words):
        self.put(name, text)
        said = self.check(script)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertTrue(said.startswith(f"{name}:1: "), said)
        self.assertIn(words, said)
        (self.root / name).unlink()

    def test_what_follows_the_order_is_taken(self):
        self.put("src/mim/a.c", '#include "mim/mim.h"\n#include "store/store.h"\n'
                                '#include "base/str.h"\n#include <stdio.h>\n')
        self.put("src/store/lmdb/a.c", '#include "store/lmdb/lmdb.h"\n')
        self.put("src/store/a.c", '#include "store/lmdb/lmdb.h"\n')
        self.put("src/base/a.c", '#include "base/json-internal.h"\n')
        self.put("src/decision/a.c", '#include "model/user.h"\n')
        self.put("dovecot/a.h", '#include "mail-user.h"\n#include "wire/wire.h"\n')
        self.put("dovecot/a.c", '#include "a.h"\n')
        self.put("tests/fuzz/a.c", '#include "base/json-internal.h"\n')
        self.assertEqual(self.check("check-includes"), "")

    def test_arrows_that_point_the_wrong_way_are_found(self):
        def fault(name, include, words):
            self.assert_fault("check-includes", name, f"#include {include}\n", words)

        fault("src/base/a.c", '"net/http.h"', "points the wrong way")
        fault("src/store/a.h", '"mim/mim.h"', "points the wrong way")
        fault("src/decision/a.c", '"store/store.h"', "may see base, model only")
        fault("src/decision/a.c", '"net/http.h"', "may see base, model only")
        fault("dovecot/a.c", '"net/http.h"', "may see base, wire only")
        fault("src/wire/a.c", '"base/json-internal.h"', "stays in its folder")
        fault("src/mim/a.c", '"store/lmdb/lmdb.h"', "only store itself")
        fault("src/mim/a.c", '"mim.h"', "there is no src/mim.h")
        fault("src/mim/a.c", "<base/str.h>", "in quotes")
        fault("src/new/a.c", '"base/str.h"', "has no place in the order")

    def test_banned_functions_are_found_where_they_are_called(self):
        def fault(text, words):
            self.assert_fault("check-banned", "src/base/a.c", text, words)

        fault("strcpy(a, b);\n", "strcpy: use memcpy")
        fault("x = sprintf (a, b);\n", "sprintf: use snprintf")
        self.put("src/base/a.c", '/* strcpy(a, b) */ f("strcpy(");\nmy_strcpy(a);\n'
                                 'x->system(a); snprintf(a, 1, "b"); // atoi(a)\n')
        self.assertEqual(self.check("check-banned"), "")


if __name__ == "__main__":
    unittest.main()
