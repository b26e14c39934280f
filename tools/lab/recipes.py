# SPDX-License-Identifier: GPL-3.0-or-later
"""What each capture of pcaps/ shows, and the programs that make it.

A recipe is a function (lab, path): it leaves a capture at `path`. TABLE names
them; tools/make-pcaps runs them, packs the files and writes pcaps/expected.tsv.
"""
import collections
import contextlib
import json
import os
import struct
import time

import net
import pbx
import rtmp
import srt
from browser import Browser
from net import CLIENT4, CLIENT6, RELAY4, SERVER4, SERVER6, LabError
from speech import as_wav, conversation

HERE = os.path.dirname(os.path.abspath(__file__))
TALK_S = 7  # length of a call: long enough for RTCP (5 s, RFC 3550 6.2) in both directions


# -- SIPp

SPEECH = "/usr/share/sip-tester/g711a.pcap"  # of the Debian package: 8 s of speech, A-law


def speech(lab):
    """The A-law bytes alone, as SIPp's rtp_stream wants them."""
    with open(SPEECH, "rb") as fh:
        data = fh.read()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    out, at = b"", 24
    while at + 16 <= len(data):
        caplen = struct.unpack_from(order + "I", data, at + 8)[0]
        out += data[at + 16 + 14 + 20 + 8 + 12:at + 16 + caplen]  # Ethernet, IPv4, UDP, RTP
        at += 16 + caplen
    with open(lab.path("speech.al"), "wb") as fh:
        fh.write(out)
    return lab.path("speech.al")


def sipp(lab, role, scenario, address, *more, voice=None):
    """`voice`: a file of A-law samples."""
    with open(os.path.join(HERE, scenario)) as fh:
        text = fh.read().replace("SPEECH", voice or speech(lab))
    path = lab.write(f"{role}-{scenario}", text)
    return lab.start(role, "sipp", "-sf", path, "-i", address, "-mi", address, "-p", "5060", "-m", "1",
                     "-nostdin", "-timeout", "30s", *more, cwd=lab.dir, env={**os.environ, "TERM": "dumb"})


def sip_call(lab, path, number, seconds):
    callee = sipp(lab, "server", "sipp_uas.xml", SERVER4, "-mp", "20000")
    lab.wait_port("server", 5060, "-u")
    with lab.capture(path):
        caller = sipp(lab, "client", "sipp_uac.xml", CLIENT4, "-s", number, "-d", str(seconds * 1000),
                      "-mp", "10000", f"{SERVER4}:5060")
        if caller.wait(timeout=seconds + 20) != 0:
            raise LabError(f"the call failed: {open(caller.log).read()[-300:]}")
    lab.stop(callee)


def sip_g711(lab, path):
    sip_call(lab, path, "4711", TALK_S)


def sip_emergency(lab, path):
    sip_call(lab, path, "112", 3)


# -- baresip

BARESIP_CONFIG = """\
sip_listen\t{host}:5060
sip_trans_def\tudp
call_local_timeout\t60
call_max_calls\t2
audio_player\taufile,{sink}
audio_source\t{source}
audio_alert\taufile,{sink}
ausrc_srate\t48000
auplay_srate\t48000
ausrc_channels\t2
auplay_channels\t2
rtp_ports\t{ports}
rtcp_mux\tno
net_prefer_ipv6\t{ipv6}
jitter_buffer_delay\t2-5
module_path\t/usr/lib/baresip/modules
module\tstdio.so
module\t{codec}.so
module\tausine.so
module\taufile.so
module\tsrtp.so
module_tmp\taccount.so
module_app\tmenu.so
opus_stereo\tno
{extra}"""
BITRATE = "opus_bitrate\t24000\n"


def baresip(lab, role, user, address, account, codec, source, ports, *more, extra=BITRATE):
    """`source`: a tone in Hz, or what baresip's audio_source takes. `extra`: lines of its configuration."""
    home = lab.path(user)
    os.makedirs(home)
    host = f"[{address}]" if ":" in address else address
    with open(f"{home}/config", "w") as fh:
        fh.write(BARESIP_CONFIG.format(
            host=host, source=f"ausine,{source}" if isinstance(source, int) else source, ports=ports,
            sink=f"{home}/heard.wav", codec=codec, extra=extra, ipv6="yes" if ":" in address else "no"))
    with open(f"{home}/accounts", "w") as fh:
        fh.write(f"<sip:{user}@{host}>;regint=0;{account}\n")
    for name in ("contacts", "uuid"):
        open(f"{home}/{name}", "w").close()
    read, write = os.pipe()  # it ends at the end of its input
    process = lab.start(role, "baresip", "-f", home, *more, stdin=read, env={**os.environ, "HOME": home})
    os.close(read)
    process.keep = os.fdopen(write, "wb", buffering=0)
    return process


def baresip_call(lab, path, addresses, codec, account=""):
    client, server = addresses
    lab.only(6 if ":" in server else 4)
    host = f"[{server}]" if ":" in server else server
    callee = baresip(lab, "server", "bob", server, account + ";answermode=auto", codec, 300, "20000-20100")
    lab.wait_port("server", 5060, "-u")
    with lab.capture(path):
        caller = baresip(lab, "client", "alice", client, account, codec, 440, "10000-10100",
                         "-e", f"/dial sip:bob@{host}", "-t", str(TALK_S))
        with contextlib.suppress(Exception):
            caller.wait(timeout=TALK_S + 10)
    log = open(caller.log, errors="replace").read()
    if "established" not in log.lower():
        raise LabError(f"the call was not established: {log[-600:]}")
    lab.stop(caller)
    lab.stop(callee)


def sip_opus(lab, path):
    baresip_call(lab, path, (CLIENT4, SERVER4), "opus")


def sip_srtp_ipv6(lab, path):
    baresip_call(lab, path, (CLIENT6, SERVER6), "g711", "mediaenc=srtp-mand")


# -- Chromium

def webrtc(lab, path, what, caller_config, callee_config, during, switches=((), ())):
    page = os.path.join(HERE, "webrtc.html")
    caller = Browser(lab, "client", page, *switches[0])
    callee = Browser(lab, "server", page, *switches[1])
    with lab.capture(path):
        caller.js(f"call.open({json.dumps(caller_config)}, {json.dumps(what)})")
        media = {k: v for k, v in what.items() if k != "data"}
        callee.js(f"call.open({json.dumps(callee_config)}, {json.dumps(media)})")
        offer = caller.js("call.offer()")
        answer = callee.js(f"call.answer({json.dumps(offer)})")
        caller.js(f"call.accept({json.dumps(answer)})")
        end = time.monotonic() + 10
        while caller.js("call.state()") != "connected":
            if time.monotonic() > end:
                raise LabError(f"not connected: {caller.js('call.state()')}")
            time.sleep(0.1)
        during(caller, callee)
        caller.js("call.hang_up()")
        callee.js("call.hang_up()")
    caller.close()
    callee.close()


def talk(_caller, _callee):
    time.sleep(TALK_S)


def webrtc_audio(lab, path):
    lab.only(4)
    webrtc(lab, path, {"audio": True}, {}, {}, talk)


def webrtc_dual(lab, path):
    """The call begins over one address family and goes on over the other."""
    webrtc(lab, path, {"audio": True}, {}, {}, talk)


def send_data(caller, callee):
    """Chat both ways, then a file of 100 kB."""
    while not (caller.js("call.open_channel()") and callee.js("call.open_channel()")):
        time.sleep(0.05)
    for i in range(6):
        caller.js(f"call.send({40 + 17 * i})")
        time.sleep(0.7)
        callee.js(f"call.send({25 + 29 * i})")
        time.sleep(0.2)
    for _ in range(10):
        caller.js("call.send(10000)")
    time.sleep(1)


def webrtc_data(lab, path):
    lab.only(4)
    webrtc(lab, path, {"data": True}, {}, {}, send_data)


TURN = ("turnserver", "-n", "-L", RELAY4, "-E", RELAY4, "--realm=example.net", "--lt-cred-mech", "--user=alice:secret", "--no-dtls",
        "--no-cli", "--min-port=50000", "--max-port=50100", "--log-file=stdout")

# A relay over TCP is looked up, even an address, and its certificate is our own.
RELAY_ONLY = ("--ignore-certificate-errors", f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {RELAY4}")


def turn_server(lab, *more):
    return lab.start("server", *TURN, *more, f"--pidfile={lab.path('turn.pid')}", f"--userdb={lab.path('turn.db')}")


def relay(url):
    """A browser's only way."""
    return {"iceTransportPolicy": "relay", "iceServers": [{"urls": url, "username": "alice", "credential": "secret"}]}


def webrtc_turn(lab, path):
    turn = turn_server(lab, "--no-tls")
    lab.wait_port("server", 3478, "-u")
    webrtc(lab, path, {"audio": True}, relay(f"turn:{RELAY4}:3478?transport=udp"), {}, talk)
    lab.stop(turn)


def webrtc_turns(lab, path):
    """Who talks matters here: a conversation, of which the first seconds must be enough."""
    lab.only(4)
    cert, key = lab.certificate("turn", RELAY4)
    files = [as_wav(v, 48000, 1) for v in conversation(lab.dir, 3 * TALK_S)]
    turn = turn_server(lab, f"--cert={cert}", f"--pkey={key}")
    lab.wait_port("server", 5349)
    webrtc(lab, path, {"audio": True}, relay(f"turns:{RELAY4}:5349?transport=tcp"), {}, talk,
           [(f"--use-file-for-fake-audio-capture={f}", *RELAY_ONLY) for f in files])
    lab.stop(turn)


# -- ordinary traffic

NGINX_CONFIG = """\
user root;
pid {dir}/nginx.pid;
error_log stderr;
worker_processes 1;
daemon off;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  server {{
    listen 80; listen 443 ssl; listen [::]:80;
    ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/cert.key;
    root {dir}/www;
  }}
}}
"""


def serve_web(lab):
    os.makedirs(lab.path("www"))
    for name, size in (("page.html", 4000), ("picture.bin", 60000), ("file.bin", 90000)):
        with open(lab.path(f"www/{name}"), "wb") as fh:
            fh.write(os.urandom(size))
    os.chmod(lab.dir, 0o755)
    lab.certificate("cert")
    lab.start("server", "nginx", "-c", lab.write("nginx.conf", NGINX_CONFIG.format(dir=lab.dir)))
    lab.wait_port("server", 443)


def serve_dns(lab):
    addresses = [f"--address=/{name}/{address}" for address, name in net.NAMES.items()]
    lab.start("server", "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--no-daemon",
              f"--listen-address={SERVER4}", "--bind-interfaces", "--local=/example.net/", *addresses,
              "--conf-file=/dev/null", f"--pid-file={lab.path('dns.pid')}")
    lab.wait_port("server", 53, "-u")


def web(lab, path):
    serve_dns(lab)
    serve_web(lab)
    with lab.capture(path):
        for url in ("http://www.example.net/page.html", "http://www.example.net/picture.bin",
                    "https://www.example.net/page.html", "https://www.example.net/file.bin"):
            lab.run("client", "curl", "-4", "-sS", "-k", "-o", "/dev/null", url)
            time.sleep(0.4)
        for i in range(12):
            lab.run("client", "dig", "+tries=1", "+time=2", f"host{i}.example.net", "A", "AAAA"[:1 + 3 * (i % 2)])


SSHD_CONFIG = """\
ListenAddress {address}
HostKey {dir}/host_key
AuthorizedKeysFile {dir}/user_key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin yes
PidFile {dir}/sshd.pid
ForceCommand cat
"""


def ssh(lab, path):
    """Somebody types; every key is echoed."""
    for name in ("host_key", "user_key"):
        net.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", lab.path(name))
    os.makedirs("/run/sshd", exist_ok=True)
    config = lab.write("sshd_config", SSHD_CONFIG.format(address=SERVER4, dir=lab.dir))
    lab.start("server", "/usr/sbin/sshd", "-D", "-e", "-f", config)
    lab.wait_port("server", 22)
    read, write = os.pipe()
    with lab.capture(path):
        client = lab.start("client", "ssh", "-tt", "-4", "-F", "/dev/null", "-i", lab.path("user_key"),
                           "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={lab.path('known')}",
                           f"root@{SERVER4}", stdin=read)
        os.close(read)
        time.sleep(1)
        for i, key in enumerate(b"it is a dull evening and nobody calls\n"):
            os.write(write, bytes([key]))
            time.sleep(0.09 + 0.05 * (i * 7 % 5))
        os.write(write, b"\x04")
        with contextlib.suppress(Exception):
            client.wait(timeout=2)
        os.close(write)
    if "dull" not in open(client.log, errors="replace").read():
        raise LabError(f"no echo: {open(client.log, errors='replace').read()[-300:]}")


def ntp(lab, path):
    server = lab.write("server.conf", f"local stratum 8\nallow all\nbindaddress {SERVER4}\ncmdport 0\n"
                       f"pidfile {lab.path('chrony-s.pid')}\n")
    client = lab.write("client.conf", f"server {SERVER4} iburst\ncmdport 0\n"
                       f"pidfile {lab.path('chrony-c.pid')}\n")
    lab.start("server", "chronyd", "-d", "-x", "-u", "root", "-f", server)  # -x: never touches the clock
    lab.wait_port("server", 123, "-u")
    with lab.capture(path):
        lab.start("client", "chronyd", "-d", "-x", "-u", "root", "-f", client)
        time.sleep(TALK_S)


def iperf(lab, path):
    """Bulk over UDP; headers are enough, the rest is filling."""
    lab.start("server", "iperf3", "-s", "-B", SERVER4)
    lab.wait_port("server", 5201)
    with lab.capture(path, snaplen=128):
        lab.run("client", "iperf3", "-c", SERVER4, "-u", "-b", "1M", "-l", "1200", "-t", "6")


# -- exchanges

def h323(version, fast, tunnel):
    return lambda lab, path: pbx.h323(lab, path, speech(lab), fast, tunnel, 4, version)


def h323_ras(lab, path):
    pbx.h323_ras(lab, path, speech(lab), 3)


def iax2(trunk):
    return lambda lab, path: pbx.iax2(lab, path, speech(lab), "gsm" if trunk else "alaw", trunk, 4)


# -- streams that are no calls

def rtsp(lab, path):
    """ffmpeg announces a sound to ffmpeg and sends it over RTP: a camera's protocol, nobody talks."""
    lab.only(4)
    url = f"rtsp://{SERVER4}:8554/tone"
    lab.start("server", "ffmpeg", "-v", "error", "-rtsp_flags", "listen", "-i", url, "-f", "null", "-")
    lab.wait_port("server", 8554)
    with lab.capture(path, expression=pbx.QUIET):
        sender = lab.start("client", "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "sine=frequency=440", "-t", str(TALK_S),
                           "-c:a", "pcm_alaw", "-ar", "8000", "-f", "rtsp", "-rtsp_transport", "udp", url)
        if sender.wait(timeout=TALK_S + 15) != 0:
            raise LabError(f"ffmpeg: {open(sender.log, errors='replace').read()[-300:]}")


RTMP_S = 8  # seconds of a conversation over RTMP: some turns
SRT_S = 3  # and over SRT, whose bytes no compressor makes fewer


def run_for(what, seconds):
    """A recipe of what(lab, seconds), over IPv4."""
    def make(lab, path):
        lab.only(4)
        with lab.capture(path, expression=pbx.QUIET):
            what(lab, seconds)
    return make


# -- the table

PLAIN, GZIP, ZSTD = "", ".gz", ".zst"


class Recipe(collections.namedtuple("Recipe", "name make format pack needs expect what")):
    """format: pcap or pcapng. expect: rows (flow, class, app, verdict), see pcaps/README.md."""

    @property
    def file(self):
        return f"{self.name}.{self.format}{self.pack}"


PBX = ("debootstrap", "sip-tester")
SIPP = ("sip-tester",)
BARESIP = ("baresip-core",)
CHROMIUM = ("chromium",)
RTMP = ("ffmpeg", "nginx-light", "libnginx-mod-rtmp")

TABLE = (
    Recipe("sip-g711", sip_g711, "pcap", PLAIN, SIPP, (
        (f"udp {CLIENT4} 5060 {SERVER4} 5060", "signalling", "sip", "*"),
        (f"udp {CLIENT4} * {SERVER4} *", "media", "rtp|sip", "drop")),
        "SIPp calls SIPp: SIP over UDP, G.711 A-law speech both ways"),
    Recipe("sip-emergency", sip_emergency, "pcap", GZIP, SIPP, (
        (f"udp {CLIENT4} 5060 {SERVER4} 5060", "signalling", "sip", "pass"),
        (f"udp {CLIENT4} * {SERVER4} *", "media", "rtp|sip", "pass")),
        "the same to 112: rules must let it through"),
    Recipe("sip-opus", sip_opus, "pcapng", PLAIN, BARESIP, (
        (f"udp {CLIENT4} 5060 {SERVER4} 5060", "signalling", "sip", "*"),
        (f"udp {CLIENT4} odd {SERVER4} odd", "signalling|media", "rtp|rtcp|sip", "*"),
        (f"udp {CLIENT4} * {SERVER4} *", "media", "rtp|sip", "drop")),
        "baresip calls baresip: Opus, RTCP on a port of its own"),
    Recipe("sip-srtp-ipv6", sip_srtp_ipv6, "pcap", ZSTD, BARESIP, (
        (f"udp {CLIENT6} 5060 {SERVER6} 5060", "signalling", "sip", "*"),
        (f"udp {CLIENT6} odd {SERVER6} odd", "signalling|media", "rtp|rtcp|sip", "*"),
        (f"udp {CLIENT6} * {SERVER6} *", "media", "rtp|sip", "drop")),
        "the same over IPv6 with SRTP"),
    Recipe("webrtc-audio", webrtc_audio, "pcapng", PLAIN, CHROMIUM, (
        (f"udp {CLIENT4} * {SERVER4} *", "media", "webrtc", "drop"),),
        "Chromium calls Chromium: ICE, DTLS-SRTP, Opus"),
    Recipe("webrtc-dual", webrtc_dual, "pcap", GZIP, CHROMIUM, (
        (f"udp {CLIENT4} * {SERVER4} *", "media|ice", "webrtc|stun", "*"),
        (f"udp {CLIENT6} * {SERVER6} *", "media", "webrtc|rtp|stun", "drop")),
        "the same with IPv4 and IPv6: the handshake over one, the voice over the other"),
    Recipe("webrtc-data", webrtc_data, "pcap", GZIP, CHROMIUM, (
        (f"udp {CLIENT4} * {SERVER4} *", "ice|control|signalling", "*", "pass"),),
        "the same without a voice: a data channel with chat and a file; not a call"),
    Recipe("webrtc-turn", webrtc_turn, "pcap", PLAIN, CHROMIUM + ("coturn",), (
        (f"udp {CLIENT4} * {RELAY4} 3478", "media", "webrtc|stun", "drop"),),
        "Chromium calls Chromium through coturn, relayed over UDP"),
    Recipe("webrtc-turns", webrtc_turns, "pcap", ZSTD, CHROMIUM + ("coturn", "espeak-ng", "ffmpeg"), (
        (f"tcp {CLIENT4} * {RELAY4} 5349", "media", "*", "drop"),),
        "the same over TLS, 7 s: the whole connection is encrypted"),
    Recipe("h323-slow", h323(4, False, False), "pcap", PLAIN, PBX, (
        (f"tcp {CLIENT4} * {SERVER4} *", "signalling", "h323", "*"),
        (f"udp {CLIENT4} * {SERVER4} *", "media", "rtp|h323", "drop")),
        "Asterisk calls Asterisk over H.323: H.245 on a connection of its own, channels opened there"),
    Recipe("h323-fast-ipv6", h323(6, True, True), "pcap", PLAIN, PBX, (
        (f"tcp {CLIENT6} * {SERVER6} 1720", "signalling", "h323", "*"),
        (f"udp {CLIENT6} * {SERVER6} *", "media", "rtp|h323", "drop")),
        "the same over IPv6: channels opened with the call (fast start), H.245 tunnelled in the signalling"),
    Recipe("h323-ras", h323_ras, "pcap", PLAIN, PBX, (
        (f"udp {CLIENT4} * {SERVER4} 1719", "signalling", "h323", "*"),),
        "Asterisk looks for a gatekeeper; nobody answers"),
    Recipe("iax2", iax2(False), "pcap", PLAIN, PBX, (
        (f"udp {CLIENT4} 4569 {SERVER4} 4569", "media", "iax2", "drop"),),
        "Asterisk calls Asterisk over IAX2, G.711 A-law in mini frames"),
    Recipe("iax2-trunk", iax2(True), "pcap", PLAIN, PBX, (
        (f"udp {CLIENT4} 4569 {SERVER4} 4569", "media", "iax2", "drop"),),
        "two calls in a trunk, GSM"),
    Recipe("rtsp", rtsp, "pcap", GZIP, ("ffmpeg",), (
        (f"tcp {CLIENT4} * {SERVER4} 8554", "streaming", "rtsp", "pass"),
        (f"udp {CLIENT4} * {SERVER4} *", "streaming", "*", "pass")),
        "ffmpeg sends a sound to ffmpeg, announced by RTSP: no call"),
    Recipe("rtmp-call", run_for(rtmp.call, RTMP_S), "pcap", GZIP, RTMP, (
        (f"tcp {CLIENT4} * {SERVER4} 1935", "media", "rtmp", "drop"),),
        "a conversation over RTMP, Speex: each end publishes one stream and plays the other's"),
    Recipe("rtmp-studio", run_for(rtmp.studio, RTMP_S), "pcap", GZIP, RTMP, (
        (f"tcp {CLIENT4} * {SERVER4} 1935", "streaming", "rtmp", "pass"),),
        "a stream published over RTMP and watched back by who published it: no call"),
    Recipe("srt-call", run_for(srt.converse, SRT_S), "pcap", GZIP, ("ffmpeg",), (
        (f"udp {CLIENT4} * {SERVER4} 9710", "media", "srt", "drop"),),
        "a conversation over SRT: RTP both ways in one connection"),
    Recipe("srt-stream", run_for(srt.stream, TALK_S), "pcap", GZIP, ("ffmpeg",), (
        (f"udp {CLIENT4} * {SERVER4} 9710", "streaming", "srt", "pass"),),
        "ffmpeg streams a sound to ffmpeg over SRT: no call"),
    Recipe("web", web, "pcapng", ZSTD, ("nginx-light", "dnsmasq-base", "bind9-dnsutils", "curl", "openssl"), (),
           "curl fetches from nginx over HTTP and HTTPS, dig and curl ask dnsmasq"),
    Recipe("ssh", ssh, "pcap", PLAIN, ("openssh-client", "openssh-server"), (),
           "somebody types over ssh"),
    Recipe("ntp", ntp, "pcap", PLAIN, ("chrony",), (),
           "chrony asks chrony for the time"),
    Recipe("iperf3-udp", iperf, "pcap", GZIP, ("iperf3",), (),
           "iperf3 sends 1 Mbit/s over UDP; frames cut to 128 bytes"),
)
