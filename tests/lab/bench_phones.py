# SPDX-License-Identifier: GPL-3.0-or-later
"""More calls of the bench: programs with a set-up of their own."""
import contextlib
import hashlib
import os
import re
import sqlite3
import ssl
import subprocess
import time
import tty

import world  # noqa: F401 first: it finds tools/lab
import net
import bench_media
import speech
from bench_media import ENDS, voices
from net import CLIENT4, SERVER4


# -- linphonec

LINPHONE_CONFIG = """\
[sip]
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
media_encryption={protection}
[rtp]
audio_rtp_port=7078
[sound]
use_files=1
echocancellation=0
[video]
enabled=0
capture=0
display=0
"""


def linphone(codec, protection="none"):
    """`codec`: as its `codec list` has it: "G729 (8000)"."""
    def call(lab):
        phones, files = [], [speech.as_wav(v, 16000, 1) for v in voices(lab)]
        for role, who in ENDS:
            # With IPv6 on the loopback alone it would offer that.
            lab.run(role, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            home = lab.path(f"linphone-{role}")
            os.makedirs(f"{home}/.local/share/linphone")
            config = lab.write(f"linphonerc-{role}", LINPHONE_CONFIG.format(protection=protection))
            phones.append(lab.start(role, "linphonec", "-c", config, *(["-a"] if who else []), stdin=subprocess.PIPE,
                                    env={**os.environ, "HOME": home}))

        def say(who, text):
            phones[who].stdin.write(text.encode() + b"\n")
            phones[who].stdin.flush()
        lab.wait("linphonec", 20, lambda: all("linphonec>" in lab.said(p) for p in phones))
        for who in (0, 1):
            for text in ("soundcard use files", "codec list", "codec disable all"):
                say(who, text)
            lab.wait("the codecs", 10, lambda w=who: f": {codec} " in lab.said(phones[w]))
            number = re.search(rf"(\d+): {re.escape(codec)} ", lab.said(phones[who])).group(1)
            say(who, f"codec enable {number}")
        say(0, f"call sip:bob@{SERVER4}")
        lab.wait("the call", 20, lambda: all("Media streams established" in lab.said(p) for p in phones))
        for who in (0, 1):
            say(who, f"play {files[who]}")
        time.sleep(bench_media.TALK_S)
        say(0, "terminate")
        time.sleep(1)
    return call


# -- iaxmodem

IAXMODEM_CONFIG = """\
device {device}
owner root:root
mode 660
port 4569
refresh 0
server {server}
peername lab
secret lab
cidname Lab
cidnumber 1
codec {codec}
nodaemon
"""


def iaxmodem(codec):
    """Two modems that call each other over IAX2: a voice channel of frames of 20 ms, with modem sounds in it."""
    def call(lab):
        modems = []
        for role, server in (("client", SERVER4), ("server", CLIENT4)):
            # It reads /etc/iaxmodem/NAME; `ip netns exec` shows it this folder there.
            folder = f"/etc/netns/{lab.ns(role)}/iaxmodem"
            os.makedirs(folder)
            device = lab.path(f"modem-{role}")
            with open(f"{folder}/lab", "w") as fh:
                fh.write(IAXMODEM_CONFIG.format(device=device, server=server, codec=codec))
            lab.start(role, "iaxmodem", "lab")
            lab.wait("the modem", 10, lambda d=device: os.path.exists(d))
            modems.append(os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
            tty.setraw(modems[-1])
        try:
            for modem, words in zip(modems, (("ATE0", "AT+FCLASS=1", "ATDT4711"), ("ATE0", "AT+FCLASS=1", "ATS0=1"))):
                for word in words:
                    os.write(modem, word.encode() + b"\r")
                    time.sleep(0.5)
            end = time.monotonic() + bench_media.TALK_S
            while time.monotonic() < end:
                for modem in modems:  # or it stands still
                    with contextlib.suppress(BlockingIOError):
                        os.read(modem, 4096)
                time.sleep(0.2)
        finally:
            for modem in modems:
                os.close(modem)
    return call


# -- Mumble

MURMUR_CONFIG = """\
database={dir}/murmur.sqlite
host={host}
port=64738
users=10
bandwidth=72000
sslCert={dir}/cert.pem
sslKey={dir}/cert.key
logfile=
bonjour=false
uname=root
"""

# lastupdate: it has been run before, and asks nothing. vadmin and vadmax: levels, (dB + 96) / 96, between the room and the voice.
MUMBLE_CONFIG = """\
[General]
lastupdate=2
[audio]
input=PulseAudio
output=PulseAudio
transmit={transmit}
vadsource=0
vadmin=0.55
vadmax=0.65
quality={quality}
[net]
framesperpacket={frames}
reconnect=false
certificate="@ByteArray({certificate})"
[update]
mumble=false
plugins=false
"""
CONTINUOUS, VOICE_ACTIVITY = 0, 1


def certificates(lab):
    """One key for all; its digest, and it as QSettings writes bytes."""
    (cert, key), packed = lab.certificate("cert", newkey=net.RSA), lab.path("me.p12")
    net.run("openssl", "pkcs12", "-export", "-passout", "pass:", "-in", cert, "-inkey", key, "-out", packed)
    with open(cert) as fh:
        digest = hashlib.sha1(ssl.PEM_cert_to_DER_cert(fh.read())).hexdigest()
    with open(packed, "rb") as fh:
        return digest, "".join(f"\\x{b:x}" for b in fh.read())


def trust(home, digest):
    """The server's certificate is known: else a window asks."""
    folder = f"{home}/.local/share/Mumble/Mumble"
    os.makedirs(folder)
    with contextlib.closing(sqlite3.connect(f"{folder}/mumble.sqlite")) as db:
        db.execute("CREATE TABLE cert (id INTEGER PRIMARY KEY AUTOINCREMENT, hostname TEXT, port INTEGER, digest TEXT)")
        db.execute("INSERT INTO cert (hostname, port, digest) VALUES (?, 64738, ?)", (SERVER4, digest))
        db.commit()


def mumble_client(lab, role, voice, config, digest):
    home = lab.path(f"mumble-{role}")
    os.makedirs(f"{home}/.config/Mumble")
    with open(f"{home}/.config/Mumble/Mumble.conf", "w") as fh:
        fh.write(config)
    trust(home, digest)
    os.makedirs(f"{home}/run", 0o700)
    env = {**os.environ, "HOME": home, "XDG_RUNTIME_DIR": f"{home}/run", "XDG_CONFIG_HOME": f"{home}/.config",
           "XDG_DATA_HOME": f"{home}/.local/share", "QT_QPA_PLATFORM": "offscreen", "PULSE_LATENCY_MSEC": "10",
           "PULSE_SERVER": f"unix:{home}/pulse"}
    # A sound card without sound: what is played into `mic` is what the microphone hears.
    modules = (f"module-native-protocol-unix socket={home}/pulse auth-anonymous=1", "module-null-sink sink_name=out",
               "module-null-sink sink_name=mic")
    lab.start(role, "pulseaudio", "-n", "--exit-idle-time=-1", "--daemonize=no", "--disallow-exit", "--use-pid-file=no",
              *[w for m in modules for w in ("-L", m)], env=env)
    lab.wait("pulseaudio", 10, lambda: os.path.exists(f"{home}/pulse"))
    lab.run(role, "pactl", "set-default-source", "mic.monitor", env=env)
    lab.run(role, "pactl", "set-default-sink", "out", env=env)
    lab.start(role, "paplay", "--device=mic", "--latency-msec=20", voice, env=env)
    return lab.start(role, "mumble", "-m", f"mumble://{role}@{SERVER4}:64738/?version=1.3.4", env=env)


def mumble(transmit, frames, quality=40000):
    """Two clients of a server; `frames` of 10 ms a packet."""
    def call(lab):
        lab.only(4)
        digest, certificate = certificates(lab)
        config = MUMBLE_CONFIG.format(transmit=transmit, frames=frames, quality=quality, certificate=certificate)
        server = lab.start("server", "murmurd", "-fg", "-ini", lab.write("murmur.ini", MURMUR_CONFIG.format(dir=lab.dir, host=SERVER4)))
        lab.wait_port("server", 64738, seconds=20)
        for role, voice in zip(("client", "second"), voices(lab)):
            mumble_client(lab, role, speech.as_wav(voice, 48000, 1), config, digest)
        lab.wait("both clients", 30, lambda: lab.said(server).count("Authenticated") == 2)
        time.sleep(bench_media.TALK_S)
    return call
