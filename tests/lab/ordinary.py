# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic that is no call, by real programs: complete and undecided with squelch as without."""
import collections
import concurrent.futures
import contextlib
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time

import calls
import recipes
import world
from net import SERVER4, SERVER6, LabError
from probes import PROBE

# The strictest rules: whatever is taken for a call suffers.
RULES = 'block media reason "no calls on board"\nreject signalling reason "no calls on board"\n'
AT_ONCE = 4      # cases beside each other; most of them wait most of the time
SYSTEM_PYTHON = "/usr/bin/python3"  # has the Debian packages
LOSS_MAX = 0.005  # of iperf3's datagrams: what two busy cores lose by themselves


def digest(path):
    with open(path, "rb") as fh:
        return hashlib.sha256(fh.read()).hexdigest()


def same(a, b):
    if digest(a) != digest(b):
        raise LabError(f"{os.path.basename(b)} is not what was sent")


def random_file(path, size):
    with open(path, "wb") as fh:
        fh.write(os.urandom(size))
    return path


def folder(lab, name):
    os.makedirs(lab.path(name), exist_ok=True)
    return lab.path(name)


def finish(lab, process, seconds, what):
    try:
        code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise LabError(f"{what} is not done after {seconds} s: {lab.said(process)[-200:]}") from None
    if code != 0:
        raise LabError(f"{what} ended with {code}: {lab.said(process)[-300:]}")
    return lab.said(process)


# -- web

SMALL = 150
BIG = 20_000_000  # bytes


def https(lab):
    www, got = lab.path("www"), folder(lab, "got")
    random_file(f"{www}/big.bin", BIG)
    for i in range(SMALL):
        random_file(f"{www}/small{i}", 200 + i * 97)
    lab.run("client", "curl", "-4", "-sSk", "-o", f"{got}/big.bin", f"https://{SERVER4}/big.bin")
    same(f"{www}/big.bin", f"{got}/big.bin")
    lab.run("client", "curl", "-6", "-sSk", "-o", f"{got}/big6.bin", f"http://[{SERVER6}]/big.bin")
    same(f"{www}/big.bin", f"{got}/big6.bin")
    lab.run("client", "curl", "-4", "-sSk", "-o", f"{got}/small#1", f"https://{SERVER4}/small[0-{SMALL - 1}]")
    for i in range(SMALL):
        same(f"{www}/small{i}", f"{got}/small{i}")
    return f"{2 * BIG // 1_000_000} MB and {SMALL} small files"


def streamed(name, playlist, options):
    """16 s of video, cut in pieces, and played at twice its speed."""
    def case(lab):
        to = folder(lab, f"www/{name}")
        world.net.run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-f", "lavfi",
                      "-i", "sine", "-t", "16", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", *options,
                      f"{to}/{playlist}", timeout=60)
        player = lab.start("client", "ffmpeg", "-nostdin", "-v", "error", "-stats", "-readrate", "2", "-i",
                           f"http://{SERVER4}/{name}/{playlist}", "-c", "copy", "-f", "null", "-")
        frames = re.findall(r"frame=\s*(\d+)", finish(lab, player, 40, "the player"))
        if not frames or int(frames[-1]) != 16 * 25:
            raise LabError(f"played {frames[-1:]} of {16 * 25} frames")
        return f"{frames[-1]} frames"
    return case


hls = streamed("hls", "play.m3u8", ("-f", "hls", "-hls_time", "2", "-hls_list_size", "0"))
dash = streamed("dash", "play.mpd", ("-f", "dash", "-seg_duration", "2"))


def quic(lab):
    www, got = folder(lab, "www-quic"), folder(lab, "got-quic")
    random_file(f"{www}/file.bin", 5_000_000)
    lab.start("server", "gtlsserver", "-q", "-d", www, SERVER4, "4433", lab.path("cert.key"), lab.path("cert.pem"))
    lab.wait_port("server", 4433, "-u")
    client = lab.start("client", "gtlsclient", "-q", "--exit-on-all-streams-close", "--timeout=10s", "--download", got,
                       SERVER4, "4433", f"https://{SERVER4}:4433/file.bin")
    finish(lab, client, 40, "gtlsclient")
    same(f"{www}/file.bin", f"{got}/file.bin")
    return "5 MB"


# -- small things

DNS_ONCE, DNS_EACH = 15, 20  # askers at once, as a page with many names makes them; names each


def dns(lab):
    asking = []
    for i in range(DNS_ONCE):
        names = lab.write(f"names{i}", "\n".join(f"h{i}-{k}.www.example.net" for k in range(DNS_EACH)))
        asking.append(lab.start("client", "dig", "-4", "+short", "+tries=2", "+time=2", "-f", names))
    answers = sum(finish(lab, dig, 30, "dig").split().count(SERVER4) for dig in asking)
    if answers != DNS_ONCE * DNS_EACH:
        raise LabError(f"{answers} of {DNS_ONCE * DNS_EACH} answers")
    return f"{answers} answers"


def ntp(lab):
    server = lab.write("server.conf", f"local stratum 8\nallow all\nbindaddress {SERVER4}\ncmdport 0\n"
                       f"pidfile {lab.path('chrony-s.pid')}\n")
    lab.start("server", "chronyd", "-d", "-x", "-u", "root", "-f", server)
    lab.wait_port("server", 123, "-u")
    # -Q asks and prints, and never touches the clock.
    client = lab.start("client", "chronyd", "-Q", "-t", "20", "-u", "root", f"server {SERVER4} iburst maxsamples 4",
                       f"pidfile {lab.path('chrony-c.pid')}")
    if "System clock wrong by" not in finish(lab, client, 30, "chronyd"):
        raise LabError("no time was told")
    return "the time is told"


def ssh(lab):
    for name in ("host_key", "user_key"):
        world.net.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", lab.path(name))
    os.makedirs("/run/sshd", exist_ok=True)
    lab.start("server", "/usr/sbin/sshd", "-D", "-e", "-f",
              lab.write("sshd_config", recipes.SSHD_CONFIG.format(address=SERVER4, dir=lab.dir)))
    lab.wait_port("server", 22)
    read, write = os.pipe()
    client = lab.start("client", "ssh", "-tt", "-4", "-F", "/dev/null", "-i", lab.path("user_key"), "-o", "LogLevel=ERROR",
                       "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={lab.path('known')}",
                       f"root@{SERVER4}", stdin=read)
    os.close(read)
    time.sleep(1)
    text = b"it is a dull evening and nobody calls, so somebody types and types\n"
    for i, key in enumerate(text):
        os.write(write, bytes([key]))
        time.sleep(0.03 + 0.04 * (i * 7 % 5))
    time.sleep(0.3)
    os.write(write, b"\x04")
    with contextlib.suppress(subprocess.TimeoutExpired):
        client.wait(timeout=5)
    os.close(write)
    if lab.said(client).count(text.decode().strip()) != 2:  # the echo, and what cat says
        raise LabError(f"no echo: {lab.said(client)[-200:]}")
    return f"{len(text)} keys echoed"


def mqtt(lab):
    server = lab.start("server", "mosquitto", "-c", lab.write(
        "mosquitto.conf", f"listener 1883 {SERVER4}\nallow_anonymous true\nlog_dest stderr\nlog_type subscribe\n"))
    lab.wait_port("server", 1883)
    n = 200
    listener = lab.start("client", "mosquitto_sub", "-h", SERVER4, "-t", "sensors/#", "-C", str(n))
    lab.wait("the listener", 10, lambda: "sensors/#" in lab.said(server))
    read, write = os.pipe()
    publisher = lab.start("client", "mosquitto_pub", "-h", SERVER4, "-t", "sensors/cabin", "-l", stdin=read)
    os.close(read)
    rng = random.Random(3)
    lines = [f"{i} {'x' * rng.randrange(160)}" for i in range(n)]
    for line in lines:
        os.write(write, line.encode() + b"\n")
        time.sleep(rng.uniform(0.01, 0.05))
    os.close(write)
    finish(lab, publisher, 10, "mosquitto_pub")
    if finish(lab, listener, 20, "mosquitto_sub").split("\n")[:-1] != lines:
        raise LabError("messages are missing")
    return f"{n} messages"


def websocket(lab):
    lab.start("server", SYSTEM_PYTHON, PROBE, "chat-server", "8080")
    lab.wait_port("server", 8080)
    finish(lab, lab.start("client", SYSTEM_PYTHON, PROBE, "chat-client", f"ws://{SERVER4}:8080/", "50"), 40, "the chat")
    return "50 messages and answers"


def vnc(lab):
    lab.start("server", "Xtigervnc", ":77", "-rfbport", "5977", "-SecurityTypes", "None", "-geometry", "640x480", "-depth",
              "24", "-localhost=0", env={**os.environ, "HOME": lab.dir})
    lab.wait_port("server", 5977)
    lab.start("server", "xclock", "-display", ":77", "-update", "1", "-geometry", "600x440")
    viewer = lab.start("client", sys.executable, PROBE, "vnc-client", SERVER4, "5977", "6")
    updates, size = map(int, finish(lab, viewer, 40, "the viewer").split())
    if size < 640 * 480 * 4:
        raise LabError(f"{updates} updates, {size} bytes")
    return f"{updates} updates, {size} bytes"


def syslog(lab):
    out = lab.path("syslog.txt")
    lab.start("server", "rsyslogd", "-n", "-i", lab.path("rsyslog.pid"), "-f", lab.write(
        "rsyslog.conf", f'module(load="imudp")\ninput(type="imudp" port="514")\n'
        f'template(name="t" type="string" string="%msg%\\n")\n*.* action(type="omfile" file="{out}" template="t")\n'))
    lab.wait_port("server", 514, "-u")
    lines = "\n".join(f"line {i} of a log that goes over the network" for i in range(200))
    lab.run("client", "logger", "-d", "-n", SERVER4, "-P", "514", "-t", "lab", "-f", lab.write("lines", lines))
    lab.wait("the lines", 20, lambda: os.path.exists(out) and open(out).read().count("of a log") == 200)
    return "200 lines"


def snmp(lab):
    lab.start("server", "snmpd", "-f", "-Lo", "-C", "-p", lab.path("snmpd.pid"), "-c",
              lab.write("snmpd.conf", f"rocommunity public\nagentaddress udp:{SERVER4}:161\n"),
              env={**os.environ, "SNMP_PERSISTENT_DIR": folder(lab, "snmp")})
    lab.wait_port("server", 161, "-u")
    n = 0
    for tree in ("1.3.6.1.2.1.1", "1.3.6.1.2.1.2", "1.3.6.1.2.1.5", "1.3.6.1.2.1.7"):
        n += len(lab.run("client", "snmpwalk", "-v2c", "-c", "public", "-t", "3", SERVER4, tree).splitlines())
    if n < 60:
        raise LabError(f"{n} values only")
    return f"{n} values"


# -- bulk

def iperf(lab, role, address, port, *argv):
    done = json.loads(lab.run(role, "iperf3", "-J", "-c", address, "-p", str(port), *argv, timeout=40))
    return done["end"]


def iperf_udp(lab):
    lab.start("server", "iperf3", "-s", "-p", "5201")
    lab.wait_port("server", 5201)
    counted(lab, 5201)
    sent = iperf(lab, "client", SERVER4, 5201, "-u", "-b", "20M", "-l", "1200", "-t", "5")["sum"]["packets"]
    # The server's kernel counts: what its program is too busy to read has arrived.
    lab.wait("the last packets", 5, lambda: counted(lab, 5201) >= sent * (1 - LOSS_MAX))
    return f"{counted(lab, 5201)} packets and answers, {sent} sent"


def reached(lab, address, port):
    return subprocess.run(lab.inside("client") + ["iperf3", "-c", address, "-p", str(port), "-n", "1K", "--connect-timeout",
                          "1000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def through_tunnel(lab, address, port):
    lab.start("server", "iperf3", "-s", "-p", str(port))
    lab.wait_port("server", port)
    lab.wait("the tunnel", 40, lambda: reached(lab, address, port))
    name = f"through-{port}.bin"
    random_file(lab.path(f"www/{name}"), 8_000_000)
    lab.run("client", "curl", "-sSk", "-o", lab.path(name), f"https://{address}/{name}")
    same(lab.path(f"www/{name}"), lab.path(name))
    small = iperf(lab, "client", address, port, "-u", "-b", "300k", "-l", "160", "-t", "3")["sum"]
    if small["lost_packets"] > max(2, LOSS_MAX * small["packets"]):
        raise LabError(f"{small['lost_packets']} of {small['packets']} packets lost")
    return f"8 MB and {small['packets']} packets"


def wireguard_ends(lab):
    # Sockets of wireguard-go are named by device in one folder of the machine: names of our own.
    ends = {"client": (f"sqwgc{os.getpid()}", "10.66.0.2", SERVER4), "server": (f"sqwgs{os.getpid()}", "10.66.0.1", None)}
    keys = {role: world.net.run("wg", "genkey").strip() for role in ends}
    public = {role: subprocess.run(["wg", "pubkey"], input=key, text=True, stdout=subprocess.PIPE, check=True).stdout.strip()
              for role, key in keys.items()}
    for role, (name, address, endpoint) in ends.items():
        other = "server" if role == "client" else "client"
        lab.start(role, "wireguard-go", "-f", name, env={**os.environ, "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1"})
        lab.wait("wireguard-go", 20, lambda n=name: os.path.exists(f"/var/run/wireguard/{n}.sock"))
        lab.run(role, "wg", "set", name, "private-key", lab.write(f"{name}.key", keys[role]), "listen-port", "51820", "peer",
                public[other], "allowed-ips", "10.66.0.0/24", *(["endpoint", f"{endpoint}:51820"] if endpoint else []))
        lab.run(role, "ip", "addr", "add", f"{address}/24", "dev", name)
        lab.run(role, "ip", "link", "set", name, "mtu", "1420", "up")


def wireguard(lab):
    wireguard_ends(lab)
    return through_tunnel(lab, "10.66.0.1", 5202)


def openvpn(lab):
    key = lab.path("static.key")
    world.net.run("openvpn", "--genkey", "secret", key)
    common = ["--dev", "tun", "--proto", "udp", "--port", "1194", "--secret", key, "--cipher", "AES-256-CBC",
              "--auth", "SHA256"]
    lab.start("server", "openvpn", *common, "--ifconfig", "10.67.0.1", "10.67.0.2")
    lab.start("client", "openvpn", *common, "--remote", SERVER4, "--ifconfig", "10.67.0.2", "10.67.0.1")
    lab.wait("openvpn", 30, lambda: "10.67.0.2" in lab.run("client", "ip", "-o", "addr"))
    return through_tunnel(lab, "10.67.0.1", 5203)


def bittorrent(lab):
    """One has it, the other wants it; uTP, and a tracker that knows both."""
    seed, leech = folder(lab, "seed"), folder(lab, "leech")
    random_file(f"{seed}/film.bin", 6_000_000)
    torrent = lab.path("film.torrent")
    tracker = f"http://{SERVER4}:6969/announce"
    world.net.run("transmission-create", "-o", torrent, "-t", tracker, f"{seed}/film.bin")
    lab.start("server", sys.executable, PROBE, "tracker", "6969", f"{SERVER4}:51413")
    lab.wait_port("server", 6969)
    for role, data, rpc in (("server", seed, "9191"), ("client", leech, "9192")):
        home = folder(lab, f"transmission-{role}")
        # Only uTP: TCP would be tried at the same time.
        with open(f"{home}/settings.json", "w") as fh:
            json.dump({"utp-enabled": True, "dht-enabled": False, "lpd-enabled": False, "pex-enabled": False,
                       "peer-port": 51413, "rpc-port": int(rpc), "rpc-whitelist-enabled": False, "download-dir": data,
                       "speed-limit-up-enabled": True, "speed-limit-up": 1500, "port-forwarding-enabled": False}, fh)
        lab.start(role, "transmission-daemon", "-f", "-g", home, env={**os.environ, "HOME": home})
        lab.wait_port(role, rpc)
        lab.run(role, "transmission-remote", rpc, "-w", data, "-a", torrent)
        if role == "server":  # who asks while it still verifies is refused, and asks again after 5 s, and then after 2 minutes
            lab.wait("the seed", 20, lambda: "100%" in lab.run(role, "transmission-remote", rpc, "-l"))
    lab.wait("the torrent", 90, lambda: os.path.exists(f"{leech}/film.bin"))
    same(f"{seed}/film.bin", f"{leech}/film.bin")
    return "6 MB"


# -- like a call, and none

def data_channel(lab, config=None):
    with calls.browsers(lab) as (caller, callee):
        calls.dial(caller, callee, {"data": True}, config or {})
        lab.wait("the call", 40, lambda: calls.connected(caller))
        recipes.send_data(caller, callee)
        want = sum(40 + 17 * i for i in range(6)) + 100_000
        lab.wait("the file", 20, lambda: callee.js("call.received") == want)
        back = sum(25 + 29 * i for i in range(6))
        if caller.js("call.received") != back:
            raise LabError("chat is missing")
    return f"{want + back} bytes"


def data_channel_turn(lab):
    calls.turn_server(lab)
    return data_channel(lab, calls.RELAYED)


def doom_game(lab, server=SERVER4):
    """A network game of two players, 35 tics a second; the players. `server`: where the client finds it."""
    lab.start("server", "/usr/games/chocolate-server", "-port", "2342", "-privateserver")
    lab.wait_port("server", 2342, "-u")
    players = []
    for role in ("client", "second"):
        home = folder(lab, f"doom-{role}")
        players.append(lab.start(
            role, "/usr/games/chocolate-doom", "-iwad", "/usr/share/games/doom/freedoom1.wad", "-connect",
            f"{server if role == 'client' else SERVER4}:2342",
            "-nodes", "2", "-nosound", "-nogui", "-window", cwd=home,
            env={**os.environ, "HOME": home, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}))
    return players


def doom(lab):
    players = doom_game(lab)
    lab.wait("the game", 40, lambda: counted(lab, 2342) > 8 * 35)
    before = counted(lab, 2342)
    time.sleep(8)
    n = counted(lab, 2342) - before
    if any(p.poll() is not None for p in players) or n < 8 * 35 * 2:
        raise LabError(f"{n} packets in 8 s: {lab.said(players[0])[-200:]}")
    return f"{n} packets in 8 s"


def counted(lab, port):
    """Packets to and from a port of the server, counted by its firewall."""
    out = lab.run("server", "iptables", "-t", "raw", "-nvxL")
    if f":{port}" not in out:
        for chain, word in (("PREROUTING", "--dport"), ("OUTPUT", "--sport")):
            lab.run("server", "iptables", "-t", "raw", "-A", chain, "-p", "udp", word, str(port))
        return 0
    return sum(int(line.split()[0]) for line in out.splitlines() if f":{port}" in line)


# -- all of them

# ports: of the server; they tell whose an event is. A data channel has none. classes: what it may be taken for, and pass.
Plain = collections.namedtuple("Plain", "name programs make ports quick classes", defaults=(("ice", "control", "streaming", None),))

TABLE = (
    Plain("https", ("curl", "nginx"), https, (443, 80), True),
    Plain("hls", ("ffmpeg", "nginx"), hls, (80,), True),
    Plain("dash", ("ffmpeg", "nginx"), dash, (80,), False),
    Plain("quic", ("gtlsserver", "gtlsclient"), quic, (4433,), True),
    Plain("dns", ("dig", "dnsmasq"), dns, (53,), True),
    Plain("ntp", ("chronyd",), ntp, (123,), True),
    Plain("ssh", ("ssh", "sshd"), ssh, (22,), True),
    Plain("mqtt", ("mosquitto", "mosquitto_sub"), mqtt, (1883,), True),
    Plain("websocket", (), websocket, (8080,), True),
    Plain("vnc", ("Xtigervnc", "xclock"), vnc, (5977,), True),
    Plain("syslog", ("rsyslogd", "logger"), syslog, (514,), True),
    Plain("snmp", ("snmpd", "snmpwalk"), snmp, (161,), True),
    Plain("iperf3-udp", ("iperf3",), iperf_udp, (5201,), True),
    Plain("wireguard", ("wireguard-go", "wg", "iperf3"), wireguard, (51820,), True),
    Plain("openvpn", ("openvpn", "iperf3"), openvpn, (1194,), True),
    Plain("bittorrent", ("transmission-daemon", "transmission-create"), bittorrent, (51413, 6969), True),
    Plain("doom", ("chocolate-server", "chocolate-doom"), doom, (2342,), True),
    Plain("data-channel", ("chromium",), data_channel, (), True, ("ice", "control", "signalling")),
    Plain("data-channel-turn", ("chromium", "turnserver"), data_channel_turn, (3478,), False, ("ice", "control", "signalling")),
)


def about(plain, event):
    ports = {event.get("src_port"), event.get("dest_port")}
    known = {p for other in TABLE for p in other.ports}
    return bool(ports & set(plain.ports)) if plain.ports else not ports & known


def disturbed(plain, events):
    """What squelch decided about traffic that is none of its business."""
    for e in events:
        if about(plain, e) and (e["verdict"]["action"] != "pass" or e["voip"]["class"] not in plain.classes):
            return (f"taken for {e['voip']['class']} ({e['voip']['app']}), {e['verdict']['action']}: "
                    f"{e['src_ip']}:{e.get('src_port')} > {e['dest_ip']}:{e.get('dest_port')}: "
                    f"{[x['why'] for x in e['voip']['evidence']][:3]}")
    return None


def attempt(lab, plain):
    began = time.monotonic()
    try:
        text, failed = plain.make(lab), False
    except Exception as e:
        text, failed = (str(e) if isinstance(e, LabError) else f"{type(e).__name__}: {e}"), True
    return failed, text, time.monotonic() - began


def run_mode(table, plains, mode, squelch, options=()):
    """All of them in one world; returns the names of those that worked."""
    worked = []
    with world.world() as lab, contextlib.ExitStack() as stack:
        recipes.serve_web(lab)
        recipes.serve_dns(lab)
        gate = stack.enter_context(world.gateway(lab, squelch, RULES, options=options)) if mode == "with" else None
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            jobs = [(p, pool.submit(attempt, lab, p)) for p in plains]
            results = [(p, *job.result()) for p, job in jobs]
        if gate:
            gate.stop()
        events = gate.events("voip") if gate else []
        for plain, failed, text, seconds in results:
            seen = disturbed(plain, events)
            failed = failed or seen is not None
            table.row(plain.name, mode, seconds, "FAILED" if failed else "ok", "; ".join(filter(None, (text, seen))))
            if not failed:
                worked.append(plain.name)
    return worked


def run_all(table, plains, modes, squelch, find, options=()):
    there = []
    for p in plains:
        missing = [program for program in p.programs if not find(program)]
        if missing:
            table.row(p.name, "", 0, "skipped", f"no {', '.join(missing)}")
        else:
            there.append(p)
    for mode in modes:
        worked = run_mode(table, there, mode, squelch, options)
        if mode == "without":
            there = [p for p in there if p.name in worked]
