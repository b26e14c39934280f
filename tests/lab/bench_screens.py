# SPDX-License-Identifier: GPL-3.0-or-later
"""Screens shown to others: a picture that moves, by programs that people use, over TCP."""
import contextlib
import os
import time

import world  # noqa: F401 first: it finds tools/lab
import bench_media
import bench_other
from net import SERVER4
from ordinary import folder

MOVING = "testsrc2=size=160x120:rate=25"  # a quarter of the screen changes 25 times a second
SLIDES = "testsrc2=size=600x440:rate=1/4"  # somebody shows slides


@contextlib.contextmanager
def shown(lab, picture):
    """A display of the server on which `picture` plays; its environment."""
    with bench_other.screen(lab, "server", bench_other.display_number("server")) as env:
        lab.start("server", "ffplay", "-v", "error", "-an", "-f", "lavfi", "-i", picture, env=env, cwd=env["HOME"])
        yield env


def watched(lab, *viewer):
    """`viewer` with a display of the client for as long as a run lasts."""
    with bench_other.screen(lab, "client", bench_other.display_number("client")) as env:
        process = lab.start("client", *viewer, env=env, cwd=env["HOME"])
        time.sleep(bench_media.TALK_S + 3)
        bench_other.alive(lab, process)


def x11vnc(picture):
    def traffic(lab):
        with shown(lab, picture) as env:
            lab.start("server", "x11vnc", "-display", env["DISPLAY"], "-forever", "-shared", "-nopw", "-rfbport", "5900", "-noxdamage",
                      env=env)
            lab.wait_port("server", 5900)
            watched(lab, "xtightvncviewer", "-viewonly", f"{SERVER4}::5900")
    return traffic


def rdp(picture):
    """FreeRDP's server, which shows a display that is there, and its client."""
    def traffic(lab):
        with shown(lab, picture) as env:
            lab.start("server", "freerdp-shadow-cli", "/port:3389", "-auth", env=env)
            lab.wait_port("server", 3389)
            watched(lab, "xfreerdp", f"/v:{SERVER4}", "/cert:ignore", "/sec:tls", "/u:guest", "/p:", "/size:640x480")
    return traffic


XPRA = ("--mdns=no", "--notifications=no", "--pulseaudio=no", "--speaker=off", "--microphone=off", "--webcam=no", "--printing=no",
        "--systemd-run=no")


def xpra(picture):
    """One program's window, shown by xpra."""
    def traffic(lab):
        home = folder(lab, "home-xpra")
        env = {**os.environ, "HOME": home, "XDG_RUNTIME_DIR": home, "SDL_AUDIODRIVER": "dummy", "LIBGL_ALWAYS_SOFTWARE": "1"}
        number = bench_other.display_number("server")
        lab.start("server", "xpra", "start", f":{number}", "--daemon=no", f"--bind-tcp={SERVER4}:14500", "--html=off",
                  "--xvfb=Xvfb -screen 0 640x480x24 +extension Composite",
                  f"--start-child=ffplay -v error -an -f lavfi -i {picture}", *XPRA, env=env)
        lab.wait_port("server", 14500, "-t", 30)
        watched(lab, "xpra", "attach", f"tcp://{SERVER4}:14500/", *XPRA)
    return traffic
