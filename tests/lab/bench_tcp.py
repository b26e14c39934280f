# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that hide, and what looks like them: over TCP, TLS, WebSockets, RTMP, relays and tunnels.

A maker is a function (lab), as in bench_media.py. TCP reacts to the network, so
these runs cannot be impaired afterwards: the cable of the client is one of
tools/impair while they last (Entry.link).
"""
import os
import random
import sys
import time

import world  # noqa: F401 first: it finds tools/lab
import bench_media
import bench_other
import frames
import ordinary
import recipes
import rtmp
import speech
from bench_media import ENDS
from net import CLIENT4, RELAY4, SERVER4, LabError
from ordinary import SYSTEM_PYTHON, folder

VOICE = os.path.join(recipes.HERE, "voice.py")
PORT = 7443


def talk_s():
    return bench_media.TALK_S


# -- frames of codecs, played by voice.py over what the row says

CODECS = {  # frames, ms a frame, silence left out
    "opus-20": (lambda wav: frames.opus(wav, 20, 24, "--vbr"), 20, False),
    "opus-40": (lambda wav: frames.opus(wav, 40, 20, "--vbr"), 40, False),
    "opus-60": (lambda wav: frames.opus(wav, 60, 20, "--vbr"), 60, False),
    "opus-cbr": (lambda wav: frames.opus(wav, 20, 24, "--hard-cbr"), 20, False),
    "opus-dtx": (lambda wav: frames.opus(wav, 20, 16, "--vbr", "--set-ctl-int", "4016=1"), 20, True),
    "speex": (frames.speex, 20, False),
    "alaw-20": (lambda wav: frames.bare(wav, 8000, "alaw", 160), 20, False),
    "alaw-30": (lambda wav: frames.bare(wav, 8000, "alaw", 240), 30, False),
    "gsm-20": (lambda wav: frames.bare(wav, 8000, "gsm", 33), 20, False),
}


def spoken(lab, codec):
    make, ms, dtx = CODECS[codec]
    return [frames.write(lab.path(f"{codec}-{who}.frames"), make(wav), ms, dtx) for who, wav in enumerate(bench_media.voices(lab))]


def certificate(lab):
    """Options of voice.py."""
    cert, key = lab.certificate("voice")
    return "--certificate", cert, "--key", key


def played(lab, files, wrap, host=SERVER4, to=(SERVER4, PORT), *more):
    """voice.py at both ends: the server listens at host:PORT, the client calls `to`."""
    options = ["--wrap", wrap, "--seconds", str(talk_s()), *more]
    lab.start("server", SYSTEM_PYTHON, VOICE, "listen", host, str(PORT), "--frames", files[1], *options, *certificate(lab))
    lab.wait_port("server", PORT)
    caller = lab.start("client", SYSTEM_PYTHON, VOICE, "call", to[0], str(to[1]), "--frames", files[0], *options)
    ordinary.finish(lab, caller, talk_s() + 30, "voice.py")


def voice(codec, wrap, *more):
    def call(lab):
        played(lab, spoken(lab, codec), wrap, SERVER4, (SERVER4, PORT), *more)
    return call


def ticker(rate, size, wrap, both=True):
    """No voice: messages at a fixed rate, of sizes as `size`(rng, i) has them."""
    def traffic(lab):
        files = [frames.clocked(lab.path(f"{who}.frames"), rate if who or both else 0.5, talk_s(), size, lab.seed + who) for who in (0, 1)]
        played(lab, files, wrap)
    return traffic


def wandering(least, most, step):
    """Sizes that walk between two bounds; a walk for each file."""
    at = {}

    def size(rng, i):
        at[rng] = rng.uniform(least, most) if i == 0 else min(most, max(least, at[rng] + rng.gauss(0, step)))
        return int(at[rng])
    return size


SIZES = {
    "fixed": lambda n: lambda rng, i: 40 + 7 * n,
    "uniform": lambda n: lambda rng, i: rng.randint(30 + 3 * n, 60 + 12 * n),
    "normal": lambda n: lambda rng, i: max(8, int(rng.gauss(60 + 9 * n, 2 + 2 * n))),
    "walk": lambda n: wandering(30, 90 + 12 * n, 1 + n),
}
RATES = (20, 25, 30, 100 / 3, 40, 50, 50, 60, 64, 100)


def tickers(kind, wrap):
    """Ten connections of one page's worth: no voice, each at a rate of RATES, both ways."""
    def traffic(lab):
        options, callers = ["--wrap", wrap, "--seconds", str(talk_s())], []
        more = certificate(lab)
        for n, rate in enumerate(RATES):
            size = SIZES[kind](n)
            files = [frames.clocked(lab.path(f"{n}-{who}.frames"), rate, talk_s(), size, lab.seed + 2 * n + who) for who in (0, 1)]
            lab.start("server", SYSTEM_PYTHON, VOICE, "listen", SERVER4, str(PORT + n), "--frames", files[1], *options, *more)
            lab.wait_port("server", PORT + n)
            callers.append(lab.start("client", SYSTEM_PYTHON, VOICE, "call", SERVER4, str(PORT + n), "--frames", files[0], *options))
        for caller in callers:
            ordinary.finish(lab, caller, talk_s() + 40, "voice.py")
    return traffic


# -- Chromium through a relay

def relay_at(lab, kind):
    """A relay over TCP (`turn`) or TLS (`turns`), and what a browser is told of it: there is no other way."""
    certificate(lab)
    recipes.turn_server(lab, f"--cert={lab.path('voice.pem')}", f"--pkey={lab.path('voice.key')}")
    port = 5349 if kind == "turns" else 3478
    lab.wait_port("server", port)
    return recipes.relay(f"{kind}:{RELAY4}:{port}?transport=tcp")


def relayed(kind):
    """WebRTC whose only way is a relay."""
    def call(lab):
        lab.only(4)
        files = [speech.as_wav(v, 48000, 1) for v in bench_media.voices(lab)]
        relay = relay_at(lab, kind)
        with bench_media.browsers(lab, files, recipes.RELAY_ONLY) as (caller, callee):
            bench_media.dial(caller, callee, {"audio": True}, config=relay)
            time.sleep(talk_s())
            if caller.js("call.state()") != "connected":
                raise LabError("the call ended")
    return call


def relayed_game(kind, rate, size):
    """No voice: a game on a data channel through the relay, `rate` messages a second both ways, as long as `size` (JavaScript) says."""
    def traffic(lab):
        lab.only(4)
        relay = relay_at(lab, kind)
        with bench_media.browsers(lab, (), recipes.RELAY_ONLY) as pages:
            bench_media.dial(*pages, {"data": True}, config=relay)
            lab.wait("the channel", 10, lambda: all(page.js("call.open_channel()") for page in pages))
            for page in pages:
                page.js(f"setInterval(() => call.send({size}), {1000 / rate}), 0")
            time.sleep(talk_s())
            if not all(page.js("call.received") > 20 * rate * talk_s() / 2 for page in pages):
                raise LabError("the game stood still")
    return traffic


GAME_WALK = "window.at = Math.round(Math.min(200, Math.max(40, (window.at || 90) + 24 * (Math.random() - 0.5))))"


# -- RTMP

def over_rtmp(what, *args):
    def traffic(lab):
        what(lab, talk_s(), *args)
    return traffic


# -- tunnels

def openvpn_up(lab, proto):
    """A tunnel with TLS and AEAD, as openvpn makes it today."""
    world.net.run("openvpn", "--genkey", "secret", lab.path("static.key"))
    certificate(lab)
    server, client = ("tcp-server", "tcp-client") if proto == "tcp" else ("udp", "udp")
    digest = world.net.run("openssl", "x509", "-in", lab.path("voice.pem"), "-noout", "-fingerprint", "-sha256").split("=")[1].strip()
    common = ["--dev", "tun", "--port", "1194", "--cert", lab.path("voice.pem"), "--key", lab.path("voice.key"),
              "--peer-fingerprint", digest, "--data-ciphers", "AES-256-GCM"]
    lab.start("server", "openvpn", *common, "--proto", server, "--tls-server", "--dh", "none", "--ifconfig", "10.67.0.1", "10.67.0.2")
    lab.start("client", "openvpn", *common, "--proto", client, "--tls-client", "--remote", SERVER4, "--ifconfig", "10.67.0.2", "10.67.0.1")
    answers(lab, "10.67.0.1")
    return "10.67.0.2", "10.67.0.1"


def answers(lab, address):
    """Waits for the tunnel."""
    server = lab.start("server", "iperf3", "-s", "-p", "5203")
    lab.wait("the tunnel", 40, lambda: ordinary.reached(lab, address, 5203))
    lab.stop(server)


def wireguard_up(lab, _proto):
    ordinary.wireguard_ends(lab)
    answers(lab, "10.66.0.1")
    return "10.66.0.2", "10.66.0.1"


def forwarded_up(lab, ports):
    """ssh -L: the same ports of this machine lead to the server's."""
    options = ssh_server(lab)
    lab.start("client", "ssh", *options, "-N", *[word for p in ports for word in ("-L", f"127.0.0.1:{p}:{SERVER4}:{p}")], f"root@{SERVER4}")
    for p in ports:
        lab.wait_port("client", p)
    return "127.0.0.1", "127.0.0.1"


STUNNEL_SHIFT = 10000  # from a port to that where stunnel listens for it


def stunnel_up(lab, ports):
    """A connection in TLS for each connection."""
    certificate(lab)
    for role, head, service in (("server", "", "accept = {host}:{outer}\nconnect = {host}:{port}\ncert = {dir}/voice.pem\nkey = {dir}/voice.key\n"),
                                ("client", "client = yes\n", "accept = 127.0.0.1:{port}\nconnect = {host}:{outer}\n")):
        text = f"foreground = yes\npid = {lab.path(role + '-stunnel.pid')}\n{head}" + "".join(
            f"[p{p}]\n" + service.format(host=SERVER4, outer=STUNNEL_SHIFT + p, port=p, dir=lab.dir) for p in ports)
        lab.start(role, "stunnel4", lab.write(f"{role}-stunnel.conf", text))
        lab.wait_port(role, ports[-1] + (STUNNEL_SHIFT if role == "server" else 0))
    return "127.0.0.1", "127.0.0.1"


def inside(up, proto, what):
    """`what`(lab, client, server) between the addresses of a tunnel; `proto`: of OpenVPN, or the ports that are led through."""
    def traffic(lab):
        what(lab, *up(lab, proto))
    return traffic


def rtp(*codec):
    """Two ffmpeg that send RTP to each other."""
    frame, rate, options = codec

    def call(lab, client, server):
        files = bench_media.voices(lab)

        def arguments(who):
            return (("-re", "-f", "lavfi", "-i", f"amovie={files[who]},aresample={rate},asetnsamples={frame}"),
                    ("-ac", "1", *options), f"&pkt_size={frame + 12}" if rate == 8000 else "")
        bench_media.both_ffmpeg(lab, arguments, hosts=(client, server))
    return call


def phoned(make, *args, **kw):
    """A call of bench_media.py (baresip, gstreamer) between the addresses of a tunnel: ffmpeg looks at its clock each 10 ms, phones keep theirs."""
    return lambda lab, client, server: make(*args, hosts=(client, server), **kw)(lab)


OPUS = rtp(960, 48000, ("-c:a", "libopus", "-application", "voip", "-b:a", "24k", "-vbr", "on", "-frame_duration", "20"))
PCMA = rtp(160, 8000, ("-c:a", "pcm_alaw"))


def pages(lab, _client, server):
    """Somebody reads: a page of some files every few seconds."""
    recipes.serve_web(lab)
    rng, end = random.Random(lab.seed), time.monotonic() + talk_s()
    for i in range(40):
        ordinary.random_file(lab.path(f"www/page{i}"), int(rng.lognormvariate(9.5, 1.4)))
    while time.monotonic() < end:
        first = rng.randrange(30)
        lab.run("client", "curl", "-4", "-sSk", "-Z", "--parallel-max", "6", "-o", lab.path("got#1"), f"https://{server}/page[{first}-{first + 9}]")
        time.sleep(rng.uniform(0.5, 4))


def bulk(lab, _client, server):
    """One download, no faster than a slow line."""
    recipes.serve_web(lab)
    ordinary.random_file(lab.path("www/big"), 40_000_000)
    download = lab.start("client", "curl", "-4", "-sSk", "--limit-rate", "300k", "-o", "/dev/null", f"http://{server}/big")
    time.sleep(talk_s())
    lab.stop(download)


def ssh_server(lab):
    for name in ("host_key", "user_key"):
        world.net.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", lab.path(name))
    os.makedirs("/run/sshd", exist_ok=True)
    config = recipes.SSHD_CONFIG.replace("ForceCommand cat\n", "Subsystem sftp internal-sftp\n").format(address=SERVER4, dir=lab.dir)
    lab.start("server", "/usr/sbin/sshd", "-D", "-e", "-f", lab.write("sshd_config", config))
    lab.wait_port("server", 22)
    return ("-4", "-F", "/dev/null", "-i", lab.path("user_key"), "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no",
            "-o", f"UserKnownHostsFile={lab.path('known')}")


def forwarded(codec, wrap):
    """ssh -L: the voice goes to a port of this machine, and ssh carries it."""
    def call(lab):
        files, options = spoken(lab, codec), ssh_server(lab)
        lab.start("client", "ssh", *options, "-N", "-L", f"127.0.0.1:9000:127.0.0.1:{PORT}", f"root@{SERVER4}")
        lab.wait_port("client", 9000)
        played(lab, files, wrap, "127.0.0.1", ("127.0.0.1", 9000))
    return call


def ssh_typing(lab):
    """Somebody types fast for as long as a call lasts; every key is echoed."""
    options = ssh_server(lab)
    read, write = os.pipe()
    client = lab.start("client", "ssh", "-tt", *options, f"root@{SERVER4}", "cat", stdin=read)
    os.close(read)
    rng, end = random.Random(lab.seed), time.monotonic() + talk_s()
    while time.monotonic() < end:
        os.write(write, rng.choice(b"abcdefghijklmnopqrstuvwxyz     \n").to_bytes(1, "big"))
        time.sleep(rng.choice((0.03, 0.05, 0.09, 0.13, 0.2, 0.9)) * rng.uniform(0.7, 1.4))
    bench_other.alive(lab, client)
    os.close(write)


def ssh_key_held(lab):
    """A key is held down: 30 a second, one echo each (X.Org repeats 25 to 33 times)."""
    options = ssh_server(lab)
    read, write = os.pipe()
    client = lab.start("client", "ssh", "-tt", *options, f"root@{SERVER4}", "cat", stdin=read)
    os.close(read)
    end = time.monotonic() + talk_s()
    while time.monotonic() < end:
        os.write(write, b"j")
        time.sleep(1 / 30)
    bench_other.alive(lab, client)
    os.close(write)


def rsync(lab):
    """Many small files over ssh, held to a slow line's rate."""
    options = ssh_server(lab)
    tree, rng = folder(lab, "tree"), random.Random(lab.seed)
    for i in range(2000):
        ordinary.random_file(f"{tree}/{i}", int(rng.lognormvariate(6.5, 1.2)))
    copy = lab.start("client", "rsync", "-a", "--bwlimit=60", "-e", "ssh " + " ".join(options), f"{tree}/", f"root@{SERVER4}:{lab.path('copy')}")
    time.sleep(talk_s())
    lab.stop(copy)


# -- pictures, messages, radio

def vnc(lab):
    """A clock with a hand for seconds, and somebody who moves windows."""
    number = bench_other.display_number("server")
    lab.start("server", "Xtigervnc", f":{number}", "-rfbport", "5977", "-SecurityTypes", "None", "-geometry", "640x480", "-depth", "24",
              "-localhost=0", env={**os.environ, "HOME": lab.dir})
    lab.wait_port("server", 5977)
    lab.start("server", "xclock", "-display", f":{number}", "-update", "1", "-geometry", "300x300")
    lab.start("server", "xeyes", "-display", f":{number}", "-geometry", "200x200+400+0")
    viewer = lab.start("client", sys.executable, ordinary.PROBE, "vnc-client", SERVER4, "5977", str(int(talk_s())))
    ordinary.finish(lab, viewer, talk_s() + 40, "the viewer")


def mqtt(rate):
    """A sensor that reports `rate` times a second, and who listens to it."""
    def traffic(lab):
        lab.start("server", "mosquitto", "-c", lab.write("mosquitto.conf", f"listener 1883 {SERVER4}\nallow_anonymous true\n"))
        lab.wait_port("server", 1883)
        lab.start("client", "mosquitto_sub", "-h", SERVER4, "-t", "sensors/#")
        read, write = os.pipe()
        lab.start("client", "mosquitto_pub", "-h", SERVER4, "-t", "sensors/cabin", "-l", stdin=read)
        os.close(read)
        rng, start = random.Random(lab.seed), time.monotonic()
        for i in range(int(rate * talk_s())):
            time.sleep(max(0, start + i / rate - time.monotonic()))
            os.write(write, f"{{\"n\":{i},\"t\":{20 + rng.random():.2f}}}\n".encode())
        os.close(write)
    return traffic


IDLERS = 3  # of each kind


def keepalives(lab):
    """Nobody says a word: ssh, MQTT, WebSockets and the kernel ask now and then whether the other end is there."""
    options = ssh_server(lab)
    lab.start("server", "mosquitto", "-c", lab.write("mosquitto.conf", f"listener 1883 {SERVER4}\nallow_anonymous true\n"))
    lab.start("server", SYSTEM_PYTHON, ordinary.PROBE, "chat-server", "8080")
    lab.start("server", "socat", f"TCP-LISTEN:7000,bind={SERVER4},fork", "PIPE")
    for port in (1883, 8080, 7000):
        lab.wait_port("server", port)
    running = []
    for i in range(IDLERS):
        seconds = str(1 + i)  # between two questions
        running += [lab.start("client", "ssh", *options, "-N", "-o", f"ServerAliveInterval={seconds}", f"root@{SERVER4}"),
                    lab.start("client", "mosquitto_sub", "-h", SERVER4, "-k", str(5 + i), "-t", "sensors/#"),
                    lab.start("client", SYSTEM_PYTHON, ordinary.PROBE, "chat-idle", f"ws://{SERVER4}:8080/", seconds, str(talk_s() + 20)),
                    lab.start("client", "socat", "-u", f"TCP:{SERVER4}:7000,keepalive,keepidle={seconds},keepintvl={seconds}", "STDOUT")]
    time.sleep(talk_s())
    bench_other.alive(lab, *running)


ICECAST = """<icecast><limits><clients>10</clients><sources>2</sources></limits><authentication><source-password>s</source-password>
<admin-user>a</admin-user><admin-password>a</admin-password></authentication><hostname>{host}</hostname>
<listen-socket><port>8000</port></listen-socket><paths><logdir>{dir}</logdir><webroot>/usr/share/icecast2/web</webroot>
<adminroot>/usr/share/icecast2/admin</adminroot></paths><security><chroot>0</chroot><changeowner><user>nobody</user><group>nogroup</group>
</changeowner></security></icecast>"""


def icecast(codec, kind, spoken_word=False):
    """Internet radio: music, or somebody who talks."""
    def traffic(lab):
        os.chmod(lab.dir, 0o777)
        lab.start("server", "icecast2", "-c", lab.write("icecast.xml", ICECAST.format(host=SERVER4, dir=lab.dir)))
        lab.wait_port("server", 8000)
        source = ("-re", "-i", bench_media.voices(lab)[0]) if spoken_word else ("-re", "-f", "lavfi", "-i", bench_other.MUSIC)
        lab.start("server", "ffmpeg", "-nostdin", "-v", "error", *source, "-t", str(talk_s() + 5), *codec, "-f", kind, "-content_type",
                  f"audio/{kind}", f"icecast://source:s@{SERVER4}:8000/radio")
        time.sleep(2)
        player = lab.start("client", "ffmpeg", "-nostdin", "-v", "error", "-i", f"http://{SERVER4}:8000/radio", "-f", "null", "-")
        time.sleep(talk_s())
        bench_other.alive(lab, player)
    return traffic
