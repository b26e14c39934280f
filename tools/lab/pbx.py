# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk at both ends: real H.323, IAX2, MGCP and Skinny stacks.

Debian 12 has no program that speaks H.323, and no Asterisk. Debian 11 has both
(asterisk, asterisk-ooh323): a tree of it is made once with debootstrap, and its
Asterisk runs in there as in any other namespace of the lab.
"""
import os
import shutil
import subprocess
import time

import net
from net import CLIENT4, CLIENT6, SERVER4, SERVER6, LabError

TREE = os.environ.get("SQUELCH_PBX_TREE", "/var/lib/squelch-lab/debian11")
PACKAGES = "asterisk,asterisk-ooh323,asterisk-modules"
ADDRESS = {4: {"client": CLIENT4, "server": SERVER4}, 6: {"client": CLIENT6, "server": SERVER6}}

MODULES = ("res_timing_timerfd res_sorcery_config res_sorcery_memory res_sorcery_astdb res_pjproject res_rtp_asterisk pbx_config app_dial app_playback app_echo bridge_simple "
           "bridge_builtin_features codec_alaw codec_ulaw codec_gsm format_pcm format_gsm format_wav func_callerid "
           "app_senddtmf app_verbose res_clioriginate").split()

EXTENSIONS = """\
[default]
exten => _X.,1,Answer()
 same => n,Playback(speech)
 same => n,Echo()
[talk]
exten => s,1,Playback(speech)
 same => n,SendDTMF(42)
 same => n,Playback(speech)
 same => n,Hangup()
"""


def tree():
    """The Debian 11 tree; made when it is not there."""
    if not os.path.exists(f"{TREE}/usr/sbin/asterisk"):
        os.makedirs(os.path.dirname(TREE), exist_ok=True)
        net.run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bullseye", TREE, timeout=600)
    for name, text in (("hosts", "127.0.0.1 localhost\n"), ("resolv.conf", "")):  # no questions to resolvers
        with open(f"{TREE}/etc/{name}", "w") as fh:
            fh.write(text)
    return TREE


class Pbx:
    """One Asterisk in a namespace; `files` are its configuration beside the usual."""

    def __init__(self, lab, role, modules, files, speech):
        self.lab, self.role = lab, role
        self.inside = f"/tmp/{os.path.basename(lab.dir)}-{role}"
        self.home = tree() + self.inside
        os.makedirs(f"{self.home}/run")
        for name in ("lib", "spool", "log", "db"):
            os.makedirs(f"{self.home}/{name}/keys" if name == "lib" else f"{self.home}/{name}")
        self._write("asterisk.conf", "[directories]\n" + "".join(
            f"{key} => {self.inside}/{value}\n" for key, value in (
                ("astetcdir", ""), ("astrundir", "run"), ("astspooldir", "spool"), ("astlogdir", "log"),
                ("astdbdir", "db"), ("astkeydir", "lib"), ("astdatadir", "lib"), ("astvarlibdir", "lib"))) +
            "astmoddir => /usr/lib/asterisk/modules\n[options]\nverbose = 5\nlive_dangerously = no\n")
        self._write("modules.conf", "[modules]\nautoload=no\n" + "".join(
            f"load => {m}.so\n" for m in MODULES + list(modules)))
        self._write("extensions.conf", EXTENSIONS)
        self._write("logger.conf", "[logfiles]\nconsole => notice,warning,error,verbose\n")
        self._write("rtp.conf", "[general]\nrtpstart=10000\nrtpend=10100\n")
        for name in ("cdr.conf", "cel.conf", "features.conf", "indications.conf", "ccss.conf", "codecs.conf", "dnsmgr.conf",
                     "enum.conf", "http.conf", "manager.conf", "udptl.conf", "pjproject.conf"):
            self._write(name, "[general]\n")
        for name, text in files.items():
            self._write(name, text)
        os.makedirs(f"{self.home}/lib/sounds/en")
        os.symlink("/usr/share/asterisk/documentation", f"{self.home}/lib/documentation")  # it does not start without
        shutil.copy(speech, f"{self.home}/lib/sounds/en/speech.alaw")
        self.process = lab.start(role, "chroot", tree(), "/usr/sbin/asterisk", "-f", "-n", "-C", f"{self.inside}/asterisk.conf",
                                 env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.inside, "TERM": "dumb"})

    def _write(self, name, text):
        with open(f"{self.home}/{name}", "w") as fh:
            fh.write(text)

    def say(self, command):
        """A command for its console; what it answers."""
        done = subprocess.run(self.lab.inside(self.role) + ["chroot", tree(), "/usr/sbin/asterisk", "-C",
                              f"{self.inside}/asterisk.conf", "-rx", command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10)
        return done.stdout

    def ready(self, seconds=30):
        end = time.monotonic() + seconds
        while "fully booted" not in self.say("core waitfullybooted"):
            if time.monotonic() > end or self.process.poll() is not None:
                raise LabError(f"Asterisk does not start: {open(self.process.log, errors='replace').read()[-600:]}")
            time.sleep(0.3)

    def stop(self):
        self.lab.stop(self.process)
        shutil.rmtree(self.home, ignore_errors=True)


PAIRS = (("client", "server"), ("server", "client"))


def call(lab, path, modules, files, speech, dial, seconds):
    """The client's exchange calls the server's by `dial` (or several), talks, and hangs up. files: by role."""
    dials = [dial] if isinstance(dial, str) else dial
    ends = {role: Pbx(lab, role, modules, files[role], speech) for role in ("server", "client")}
    try:
        for pbx in ends.values():
            pbx.ready()
        time.sleep(1)
        with lab.capture(path, expression=QUIET):
            told = [ends["client"].say(f"channel originate {d} extension s@talk") for d in dials]
            time.sleep(seconds)
            shown = ends["client"].say("core show channels concise")
            ends["client"].say("channel request hangup all")
            time.sleep(1.5)
        if "Up" not in shown:
            raise LabError(f"no call: {told} {shown[-300:]} {open(ends['client'].process.log, errors='replace').read()[-9000:]}")
    finally:
        for pbx in ends.values():
            pbx.stop()


QUIET = "not arp and not icmp6"


# -- H.323

def h323_config(role, other, version, extra, gatekeeper):
    at = ADDRESS[version]
    return (f"[general]\nport=1720\nbindaddr={at[role]}\nh323id=exchange-{role}\n"
            f"e164={'100' if role == 'client' else '200'}\ncallerid={role}\ngatekeeper={gatekeeper}\n"
            f"context=default\ndisallow=all\nallow=alaw\ndtmfmode=rfc2833\n{extra}"
            f"[other]\ntype=friend\nip={at[other]}\nport=1720\ncontext=default\ndisallow=all\nallow=alaw\n{extra}")


def h323(lab, path, speech, fast, tunnel, seconds, version=4):
    """fast: channels are opened with the call; tunnel: H.245 inside the signalling, else a connection of its own."""
    extra = f"faststart={'yes' if fast else 'no'}\nh245tunneling={'yes' if tunnel else 'no'}\n"
    lab.only(version)
    files = {role: {"ooh323.conf": h323_config(role, other, version, extra, "DISABLE")} for role, other in PAIRS}
    call(lab, path, ["chan_ooh323"], files, speech, "OOH323/4711@other", seconds)


def h323_ras(lab, path, speech, seconds):
    """Asks for a gatekeeper, which Debian 11 does not have: requests without answers."""
    lab.only(4)
    files = {"ooh323.conf": h323_config("client", "server", 4, "", SERVER4)}
    with lab.capture(path, expression="udp port 1719"):
        pbx = Pbx(lab, "client", ["chan_ooh323"], files, speech)
        try:
            pbx.ready()
            time.sleep(seconds)
        finally:
            pbx.stop()


# -- IAX2

def iax2_config(role, other, version, codec, trunk):
    at = ADDRESS[version]
    return (f"[general]\nbindaddr={at[role]}\ndisallow=all\nallow={codec}\nautokill=yes\n"
            f"requirecalltoken=no\ncalltokenoptional=0.0.0.0/0.0.0.0\ntrunkfreq=20\ntrunktimestamps=yes\n"
            f"[other]\ntype=friend\nhost={at[other]}\ncontext=default\nauth=md5\nsecret=lab\nusername=other\n"
            f"disallow=all\nallow={codec}\ntrunk={'yes' if trunk else 'no'}\nqualify=no\n")


def iax2(lab, path, speech, codec, trunk, seconds, version=4):
    lab.only(version)
    files = {role: {"iax.conf": iax2_config(role, other, version, codec, trunk)} for role, other in PAIRS}
    dials = ["IAX2/other/4711"] * (2 if trunk else 1)
    call(lab, path, ["chan_iax2", "res_crypto"], files, speech, dials, seconds)
