#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the scenario runner itself, with a program that prints fixed events."""

import os
import stat
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import run  # noqa: E402

EVENTS = """\
{"event_type":"voip","src_port":1,"voip":{"class":"media","bits":20.5,"evidence":[{"detector":"ice"},{"detector":"rtp"}]},"verdict":{"action":"drop","reason":"no calls"},"vlan":[10]}
{"event_type":"flow","src_port":1,"voip":{"class":null}}
{"event_type":"flow","src_port":2}
"""


class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def failures(self, scenario, code=0, events=EVENTS, message=""):
        program = self.write("fake", f"#!/bin/sh\ncat <<'EOF'\n{events}EOF\n"
                             f"echo '{message}' >&2\nexit {code}\n", stat.S_IRWXU)
        return run.run(program, self.write("case.scn", scenario), None, False)

    def assert_met(self, scenario, **kw):
        self.assertEqual(self.failures(scenario, **kw), [])

    def assert_not(self, scenario, text, **kw):
        self.assertIn(text, "\n".join(self.failures(scenario, **kw)))

    def test_conditions(self):
        self.assert_met('expect voip voip.class=media voip.bits>=20 voip.bits<21 src_port!=2 '
                        'verdict.reason="no calls" verdict.reason~^no vlan=[10]\n')
        self.assert_met("expect flow voip.class=null\nexpect flow voip.class=null src_port=2\n")
        self.assert_met("expect voip voip.evidence.*.detector=rtp\n")
        self.assert_not("expect voip voip.evidence.*.detector=sip\n", "lacks voip.evidence")
        self.assert_not("expect voip voip.evidence.*.detector!=rtp\n", "not met")
        self.assert_not("expect voip voip.bits>30\n", "lacks voip.bits>30")
        self.assert_not("expect voip verdict.reason=no\n", "not met")

    def test_words_that_no_event_has(self):
        validator = run.schema_load()
        scenario = run.Scenario(self.write("case.scn", "refuse voip src_prt=1\nrefuse viop src_port=1\nrefuse stop stats.squelch.fine=1\nrefuse voip voip.evidence.*.bits=99\n"))
        events = [{"event_type": "stop", "stats": {"squelch": {"fine": 0}}}]
        self.assertEqual(run.check_words(validator, scenario, events),
                         ["line 1: no event has a key src_prt: src_prt=1", "line 2: no event has the type viop"])

    def test_order(self):
        self.assert_met("expect flow src_port=1\nexpect flow src_port=2\n")
        self.assert_not("expect flow src_port=2\nexpect flow src_port=1\n", "too early")
        self.assert_met("expect flow src_port=2\nexpect-any flow src_port=1\n")
        self.assert_not("expect-any call\n", "lacks event_type=call")

    def test_refuse_and_count(self):
        self.assert_met("refuse voip src_port=2\ncount flow 2\ncount flow src_port=2 1\ncount flow >=1\n")
        self.assert_not("refuse flow src_port=2\n", "must not occur")
        self.assert_not("count flow 3\n", "there are 2")
        self.assert_not("count flow >2\n", "there are 2")

    def test_exit_and_errors(self):
        self.assert_not("count flow 2\n", "exit code 3", code=3)
        self.assert_met("count flow 2\nexit 3\n", code=3)
        self.assert_met('expect-error "packet 3"\n', code=3, message="x: packet 3, byte 9")
        self.assert_not('expect-error "packet 3"\n', "lacks: packet 3", code=3, message="packet 4")
        self.assert_not('expect-error "packet 3"\n', "exit code 0", message="packet 3")

    def test_output_must_be_json(self):
        self.assert_not("count flow 0\n", "line 1: no JSON object", events="hello\n")
        self.assert_not("count flow 0\n", "line 1: no JSON object", events="[]\n")

    def test_sections_are_not_checks(self):
        self.assert_met("rules\nexpect nothing\nend\nudp 1:1 > 2:2 <<EOF\nexpect call\nEOF\ncount flow 2\n")

    def test_malformed(self):
        self.assert_not("udp a > b\n", "nothing is expected")
        self.assert_not("expect voip what\n", "no condition")
        self.assert_not("rules\n", "without an end")
        self.assert_not("count flow\n", "ends with a number")


if __name__ == "__main__":
    unittest.main()
