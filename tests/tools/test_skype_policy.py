#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/skype-policy as its users run it."""
import os, subprocess, sys, unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "skype-policy")
NAMES = ("DisableFileTransfer DisableApi DisableSupernode DisableTCPListen DisableUDP ListenHTTPPorts ListenPort "
         "MemoryOnly DisableContactImport DisableVersionCheck DisablePersonalise DisableLanguageEdit WebStatus "
         "ProxySettings ProxyAddress ProxyUsername ProxyPassword").split()


def run(*args):
    return subprocess.run([sys.executable, TOOL, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class SkypePolicy(unittest.TestCase):
    def test_file(self):
        done = run("DisableSupernode=on", "listenport=443", "ProxyUsername=a\\b\"c")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.decode("ascii"),
                         "Windows Registry Editor Version 5.00\r\n\r\n"
                         "[HKEY_LOCAL_MACHINE\\Software\\Policies\\Skype\\Phone]\r\n"
                         "\"DisableSupernode\"=dword:00000001\r\n\"ListenPort\"=dword:000001bb\r\n"
                         "\"ProxyUsername\"=\"a\\\\b\\\"c\"\r\n\r\n")

    def test_user_removal_and_proxy(self):
        out = run("--user", "DisableApi=", "ProxySettings=socks5").stdout.decode()
        self.assertIn("[HKEY_CURRENT_USER\\", out)
        self.assertIn("\"DisableApi\"=-\r\n", out)
        self.assertIn("\"ProxySettings\"=\"SOCKS5\"", out)

    def test_text_beyond_ascii_is_utf16(self):
        out = run("ProxyPassword=pässword").stdout
        self.assertEqual(out[:2], b"\xff\xfe")
        self.assertIn("pässword", out[2:].decode("utf-16-le"))

    def test_errors_name_every_mistake_but_no_secret(self):
        done = run("DisableEverything=1", "ListenPort=70000", "WebStatus=maybe", "ProxyAddress=here",
                   "DisableUDP=1", "DisableUDP=0", "MemoryOnly", "ProxyPassword=a\nb")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        err = done.stderr.decode()
        for word in ("DisableEverything", "ListenPort", "WebStatus", "ProxyAddress", "given twice", "MemoryOnly"):
            self.assertIn(word, err)
        self.assertNotIn("a\nb", err)

    def test_list_has_all(self):
        out = run("--list").stdout.decode()
        self.assertEqual([line.split()[0] for line in out.splitlines()], NAMES)


unittest.main()
