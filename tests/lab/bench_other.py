# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no call: real programs, those with a clock first of all."""
import contextlib
import fcntl
import os
import pty
import random
import struct
import subprocess
import termios
import threading
import time

import world  # noqa: F401 first: it finds tools/lab
import bench_media
import ordinary
import recipes
from net import CLIENT4, SERVER4, LabError
from ordinary import folder


def alive(lab, *processes):
    for p in processes:
        if p.poll() is not None:
            raise LabError(f"{p.args[4]} ended: {lab.said(p)[-300:]}")


# -- small things and bulk, as tests/lab has them

def usual(make):
    def traffic(lab):
        recipes.serve_web(lab)
        recipes.serve_dns(lab)
        make(lab)
    return traffic


def iperf(rate, size, *more):
    """Datagrams of `size` bytes at `rate` a second, evenly."""
    def traffic(lab):
        lab.start("server", "iperf3", "-s", "-p", "5201")
        lab.wait_port("server", 5201)
        # A timer of 1 ms: else iperf3 sends in bursts, 10 a second.
        lab.run("client", "iperf3", "-c", SERVER4, "-p", "5201", "-u", "-b", str(int(rate * size * 8)), "-l", str(size),
                "--pacing-timer", "1000", "-t", str(int(bench_media.TALK_S)), *more, timeout=bench_media.TALK_S + 30)
    return traffic


def typing(lab, _client=CLIENT4, server=SERVER4):
    """mosh: somebody types for half a minute; every key is echoed."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm", "HOME": lab.dir}
    out = lab.run("server", "mosh-server", "new", "-i", server, "-p", "60001", "--", "cat", env=env)
    secret = out.split("MOSH CONNECT 60001 ")[1].split()[0]
    pid = int(out.split("pid = ")[1].split("]")[0])
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    client = lab.start("client", "mosh-client", server, "60001", stdin=slave, stdout=slave, stderr=subprocess.STDOUT,
                       env={**env, "MOSH_KEY": secret})
    os.close(slave)

    def drain():  # or it stands still
        with contextlib.suppress(OSError):
            while os.read(master, 4096):
                pass
    threading.Thread(target=drain, daemon=True).start()
    rng = random.Random(lab.seed)
    end = time.monotonic() + bench_media.TALK_S
    try:
        while time.monotonic() < end:
            alive(lab, client)
            os.write(master, rng.choice(b"abcdefghijklmnopqrstuvwxyz     \n").to_bytes(1, "big"))
            time.sleep(rng.choice((0.06, 0.09, 0.13, 0.2, 0.2, 0.9)) * rng.uniform(0.7, 1.4))
    finally:
        lab.stop(client)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 15)  # it detaches itself
        os.close(master)


# -- games

# A maker may be given other addresses than the ends have: those of a tunnel, in which the client's part of the game goes.

def doom(lab, _client=CLIENT4, server=SERVER4):
    players = ordinary.doom_game(lab, server)
    time.sleep(bench_media.TALK_S)
    alive(lab, *players)


@contextlib.contextmanager
def screen(lab, role, number):
    """A display without a screen; pictures are drawn by the processor."""
    x = lab.start(role, "Xvfb", f":{number}", "-screen", "0", "640x480x24", "-nolisten", "tcp")
    lab.wait("Xvfb", 10, lambda: os.path.exists(f"/tmp/.X11-unix/X{number}"))
    try:
        yield {**os.environ, "DISPLAY": f":{number}", "SDL_AUDIODRIVER": "dummy", "LIBGL_ALWAYS_SOFTWARE": "1",
               "HOME": folder(lab, f"home-{role}")}
    finally:
        lab.stop(x)


def display_number(role):
    """Displays share one folder of the machine: a number of our own."""
    return 1000 + os.getpid() % 30000 + {"client": 0, "second": 30000, "server": 60000}[role]


def play(lab, argv, roles=("client", "second"), warm_up=8):
    """Clients of a game with a display each; `argv`(role, home): the command."""
    with contextlib.ExitStack() as stack:
        running = []
        for role in roles:
            env = stack.enter_context(screen(lab, role, display_number(role)))
            running.append(lab.start(role, *argv(role, env["HOME"]), env=env, cwd=env["HOME"]))
        time.sleep(bench_media.TALK_S + warm_up)
        alive(lab, *running)


def teeworlds(lab, _client=CLIENT4, server=SERVER4):
    """50 ticks a second."""
    lab.start("server", "/usr/games/teeworlds-server", "-f", lab.write("tw.cfg", "sv_register 0\nsv_map dm1\nsv_port 8303\n"))
    lab.wait_port("server", 8303, "-u")
    play(lab, lambda role, home: (
        "/usr/games/teeworlds", "gfx_screen_width 320; gfx_screen_height 240; gfx_fullscreen 0; snd_enable 0;"
        f"player_name {role}; connect {server if role == 'client' else SERVER4}:8303"))


def openarena(lab):
    """Snapshots 20 times a second, commands with each picture; bots play along."""
    home = folder(lab, "oa-server")
    lab.start("server", "/usr/games/openarena-server", "+set", "dedicated", "1", "+set", "net_ip", SERVER4, "+set", "sv_pure", "0",
              "+set", "bot_minplayers", "4", "+set", "sv_master1", "", "+map", "oa_dm1", cwd=home, env={**os.environ, "HOME": home})
    lab.wait_port("server", 27960, "-u", 30)
    play(lab, lambda role, home: (
        "/usr/games/openarena", "+set", "r_mode", "-1", "+set", "r_customwidth", "160", "+set", "r_customheight", "120", "+set",
        "r_fullscreen", "0", "+set", "s_initsound", "0", "+set", "com_maxfps", "30", "+set", "cl_maxpackets", "40", "+set",
        "r_picmip", "8", "+set", "r_vertexlight", "1", "+set", "cl_motd", "0", "+connect", f"{SERVER4}:27960"), ("client",), 25)


def minetest(lab, _client=CLIENT4, server=SERVER4):
    """A server that sends the world, and a client that tells where it stands 10 times a second."""
    home = folder(lab, "mt-server")
    lab.start("server", "/usr/games/minetestserver", "--gameid", "minetest_game", "--world", f"{home}/world", "--port", "30000",
              env={**os.environ, "HOME": home})
    lab.wait_port("server", 30000, "-u", 20)
    config = lab.write("minetest.conf", "screen_w = 320\nscreen_h = 240\nenable_sound = false\nfps_max = 20\nviewing_range = 20\n"
                       "enable_shaders = false\n")
    play(lab, lambda role, home: ("/usr/games/minetest", "--config", config, "--go", "--address", server, "--port", "30000",
                                     "--name", role, "--password", ""), ("client",), 15)


def bzflag(lab):
    """Tanks: computer players of one client."""
    lab.start("server", "/usr/games/bzfs", "-p", "5154", "-i", SERVER4, "-mp", "10", "+r", "-ms", "5")
    lab.wait_port("server", 5154)
    play(lab, lambda role, home: ("/usr/games/bzflag", "-window", "320x240", "-solo", "3", f"{role}@{SERVER4}:5154"),
            ("client",), 15)


# -- video, radio, data channels

def camera(codec, pace, size="320x240"):
    """One way, RTP, as a camera sends it."""
    def traffic(lab):
        bench_media.both_ffmpeg(lab, lambda who: (
            ("-re", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={pace},noise=alls=8:allf=t"),
            ("-threads", "1", *codec), ""), ways=(("server", 1),))
    return traffic


MUSIC = "aevalsrc='0.3*sin(2*PI*t*(220+55*floor(mod(t*2,7))))+0.2*sin(2*PI*t*(110+27*floor(mod(t,5))))+0.02*random(0)'"


def radio(codec, rate, frame, kind="rtp"):
    """One way and without pauses: music to whoever listens."""
    def traffic(lab):
        music = f"{MUSIC}:s={rate},asetnsamples={frame}"
        if kind == "rtp":
            bench_media.both_ffmpeg(lab, lambda who: (("-re", "-f", "lavfi", "-i", music), codec, ""), ways=(("server", 1),))
            return
        p = lab.start("server", "ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", music, "-t", str(bench_media.TALK_S), *codec,
                      "-f", "mpegts", f"udp://{CLIENT4}:5004?localport=5006&pkt_size=1316")
        ordinary.finish(lab, p, bench_media.TALK_S + 20, "ffmpeg")
    return traffic


def television(lab):
    p = lab.start("server", "ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25",
                  "-f", "lavfi", "-i", "sine", "-t", str(bench_media.TALK_S), "-threads", "1", "-c:v", "libx264", "-preset", "ultrafast",
                  "-b:v", "400k", "-g", "25", "-c:a", "aac", "-f", "mpegts",
                  f"udp://{CLIENT4}:5004?localport=5006&pkt_size=1316")
    ordinary.finish(lab, p, bench_media.TALK_S + 20, "ffmpeg")


def data_channel(rate, up, down):
    """A game in a browser: each page sends a message so often; `up`, `down`: bytes, least and most."""
    def traffic(lab):
        lab.only(4)
        with bench_media.browsers(lab) as (caller, callee):
            bench_media.dial(caller, callee, {"data": True})
            while not (caller.js("call.open_channel()") and callee.js("call.open_channel()")):
                time.sleep(0.05)
            for page, (least, most) in ((caller, up), (callee, down)):
                page.js(f"setInterval(() => call.send({least} + Math.floor(Math.random() * {most - least + 1})), {1000 / rate}), 0")
            time.sleep(bench_media.TALK_S)
    return traffic
