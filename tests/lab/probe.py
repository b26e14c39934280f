# SPDX-License-Identifier: GPL-3.0-or-later
"""Small senders and receivers that the tests start inside a namespace.

    probe.py sink PORT FILE               writes "TIME TEXT" for each datagram, TIME by the kernel
    probe.py count PORT FILE              writes "TIME SENDER BYTES" for each datagram, TIME by the kernel
    probe.py beat ADDRESS PORT RATE S     numbered datagrams, each from a port of its own; prints when each was sent
    probe.py load ADDRESS PORT RATE S N   the same over N sockets that stay; prints how many
    probe.py late                         until SIGTERM: prints how many seconds too late it woke at worst
    probe.py echo-server PORT           sends back what comes
    probe.py echo-client ADDRESS PORT RATE N   prints how many of N came back, their median round trip and its deviation, ms
    probe.py sizes ADDRESS PORT RATE S BYTES  datagrams of one size over one socket
    probe.py talk S ADDRESS PORT...  both ends of TCP and UDP talk, each by itself: with ADDRESS "-" the server's end
    probe.py dull ADDRESS PORT LOCAL RATE S   datagrams of no meaning from one port to another
    probe.py frames INTERFACE HEX...      raw frames, each once
    probe.py replay FILE RATE NETNS...    frames as they are, in their order
    probe.py tcp-voice PORT S | tcp-listen ADDRESS PORT FILE  a frame each 20 ms, and when each comes
    probe.py chat-server PORT | chat-client URL COUNT
    probe.py vnc-client ADDRESS PORT S
    probe.py tracker PORT PEER...
"""
import random
import signal
import socket
import struct
import sys
import time

SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35  # Linux, asm-generic/socket.h


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def datagrams(port):
    """(time, sender, data): when the kernel got it, however late this program reads it."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        s.bind(("::", int(port)))
        while True:
            data, more, _, sender = s.recvmsg(65536, 64)
            seconds, nanos = struct.unpack("qq", next(d for _, kind, d in more if kind == SO_TIMESTAMPNS))
            yield seconds + nanos / 1e9, sender[0].removeprefix("::ffff:"), data


def sink(port, path):
    with open(path, "w", buffering=1) as out:
        for t, _, data in datagrams(port):
            print(f"{t:.6f} {data.decode(errors='replace')}", file=out)


def count(port, path):
    with open(path, "w", buffering=1) as out:
        for t, sender, data in datagrams(port):
            print(f"{t:.6f} {sender} {len(data)}", file=out)


def stopped():
    """A list that is filled on SIGTERM."""
    said = []
    signal.signal(signal.SIGTERM, lambda *_: said.append(True))
    return said


def pace(rate, seconds):
    """Numbers, one each 1 / rate seconds."""
    begin = time.monotonic()
    for i in range(int(rate * seconds)):
        wait = begin + i / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield i


def beat(address, port, rate, seconds):
    stop = stopped()
    for i in pace(float(rate), float(seconds)):
        with socket.socket(family(address), socket.SOCK_DGRAM) as s:
            at = time.time()
            s.sendto(f"beat {i}".encode(), (address, int(port)))
        print(f"{at:.6f}", flush=True)
        if stop:
            break


LATE_STEP_S = 0.01


def late():
    stop, worst = stopped(), 0
    while not stop:
        until = time.monotonic() + LATE_STEP_S
        time.sleep(LATE_STEP_S)
        worst = max(worst, time.monotonic() - until)
    print(f"{worst:.3f}")


def load(address, port, rate, seconds, n):
    sockets = [socket.socket(family(address), socket.SOCK_DGRAM) for _ in range(int(n))]
    stop = stopped()
    for i in pace(float(rate), float(seconds)):
        sockets[i % len(sockets)].sendto(f"load {i} {'.' * (i * 37 % 400)}".encode(), (address, int(port)))
        if stop:
            break
    print(i + 1)


def echo_server(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", int(port)))
    while True:
        data, who = s.recvfrom(2048)
        s.sendto(data, who)


ECHO_LAST_S = 1.5  # an answer may take
SIGMA = 0.159      # of a normal distribution below its mean less one deviation


def echo_client(address, port, rate, n):
    import select
    import statistics
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.connect((address, int(port)))
    begin, sent, trips = time.monotonic(), 0, []
    while time.monotonic() < begin + int(n) / float(rate) + ECHO_LAST_S:
        if sent < int(n) and time.monotonic() >= begin + sent / float(rate):
            s.send(repr(time.monotonic()).encode())
            sent += 1
        if select.select([s], [], [], 0.001)[0]:
            trips.append(1000 * (time.monotonic() - float(s.recv(64))))
    # Quantiles: a machine that holds this program up now and then does not move them.
    cuts = [statistics.quantiles(trips, n=1000)[int(1000 * p) - 1] for p in (SIGMA, 0.5, 1 - SIGMA)]
    print(len(trips), round(cuts[1], 2), round((cuts[2] - cuts[0]) / 2, 2))


def sizes(address, port, rate, seconds, size):
    with socket.socket(family(address), socket.SOCK_DGRAM) as s:
        for i in pace(float(rate), float(seconds)):
            s.sendto(f"load {i} ".encode().ljust(int(size), b"."), (address, int(port)))
    print(i + 1)


def talker(s, end):
    """Says something ten times a second, whatever the other end does, until it is told to stop."""
    s.settimeout(0.1)
    while time.monotonic() < end:
        try:
            s.send(b"word ")
            while s.recv(4096):
                pass
            return
        except TimeoutError:
            continue
        except ConnectionRefusedError:  # UDP goes on
            if s.type == socket.SOCK_STREAM:
                return
            time.sleep(0.1)
        except OSError:
            return


def talk_tcp(address, port, end):
    if address == "-":
        with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
            s = listener.accept()[0]
    else:
        s = socket.create_connection((address, port))
    with s:
        talker(s, end)


def talk_udp(address, port, end):
    with socket.socket(socket.AF_INET6 if address == "-" else family(address), socket.SOCK_DGRAM) as s:
        if address == "-":
            s.bind(("::", port))
            s.connect(s.recvfrom(4096)[1])
        else:
            s.connect((address, port))
        talker(s, end)


def talk(seconds, address, *ports):
    import threading

    end = time.monotonic() + float(seconds)
    threads = [threading.Thread(target=function, args=(address, int(port), end), daemon=True)
               for port in ports for function in (talk_tcp, talk_udp)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(max(0, end - time.monotonic()) + 1)


def dull(address, port, local, rate, seconds):
    with socket.socket(family(address), socket.SOCK_DGRAM) as s:
        s.bind(("::" if ":" in address else "0.0.0.0", int(local)))
        rng = random.Random(5)
        for _ in pace(float(rate), float(seconds)):
            s.sendto(b"dull" + rng.randbytes(rng.randrange(40, 400)), (address, int(port)))


def frames(interface, *texts):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((interface, 0))
        for text in texts:
            s.send(bytes.fromhex(text))


def enter(netns):
    import ctypes
    import os

    with open(f"/run/netns/{netns}") as fh:
        if ctypes.CDLL(None, use_errno=True).setns(fh.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


CONFIRM_S = 0.1  # a packet that can arrive does so within, on a busy machine too
SOL_PACKET, PACKET_IGNORE_OUTGOING, ETH_P_ALL, PACKET_OUTGOING = 263, 23, 3, 4  # linux/if_packet.h, linux/if_ether.h


def ends(frame):
    """(connection, pair of hosts) of an Ethernet frame with IP, whichever way it goes."""
    ip = frame[14:]
    if ip[0] >> 4 == 4:
        proto, a, b, at = ip[9], ip[12:16], ip[16:20], (ip[0] & 15) * 4
    else:
        proto, a, b, at = ip[6], ip[8:24], ip[24:40], 40
    if proto not in (6, 17):
        at = len(ip)
    return frozenset(((a, ip[at:at + 2]), (b, ip[at + 2:at + 4]))), frozenset((a, b))


def replay(path, rate, *namespaces):
    """
    Frames of "DIGIT HEX" lines, each sent in the namespace of that place, in their order. As between real hosts, no
    packet of a connection is sent before the one it may answer had its chance to arrive: two that cross in the gateway
    would be two connections to the kernel, of which one is lost, with or without a queue.
    """
    import select

    sockets = []
    for name in namespaces:
        enter(name)
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        s.bind(("eth0", 0))
        sockets.append(s)
    waiting, heard, dead = {}, set(), set()  # packets under way of a connection; pairs of hosts with and without arrivals

    def hear(seconds):
        for s in select.select(sockets, [], [], seconds)[0]:
            frame = s.recv(65536)
            if len(frame) >= 34 and frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                connection, pair = ends(frame)
                waiting[connection] = 0
                heard.add(pair)
                dead.discard(pair)
            return True
        return False

    with open(path) as fh:
        lines = fh.read().splitlines()
    for i in pace(float(rate), len(lines) / float(rate)):
        place, frame = int(lines[i][0]), bytes.fromhex(lines[i][2:])
        connection, pair = ends(frame)
        while hear(0):
            pass
        until = time.monotonic() + CONFIRM_S
        while waiting.get(connection) and pair not in dead and time.monotonic() < until:
            hear(CONFIRM_S / 3)
        if waiting.get(connection) and pair not in heard:
            dead.add(pair)
        waiting[connection] = 1
        sockets[place].send(frame)


VOICE_FRAME = 172  # bytes: G.711, 20 ms, with a header of 12


def tcp_voice(port, seconds):
    with socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        s = listener.accept()[0]
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(time.monotonic(), flush=True)
    for i in pace(50, float(seconds)):
        s.sendall(bytes([i & 0xff]) * VOICE_FRAME)


def tcp_listen(address, port, path):
    n = 0
    with socket.create_connection((address, int(port))) as s, open(path, "w") as out:
        while data := s.recv(65536):
            now = time.monotonic()
            for _ in range((n + len(data)) // VOICE_FRAME - n // VOICE_FRAME):
                print(f"{now:.6f}", file=out)
            n += len(data)


def chat_server(port):
    import asyncio
    import websockets

    async def serve():
        async def echo(ws, *_):
            async for message in ws:
                await ws.send("you said: " + message)
        async with websockets.serve(echo, "0.0.0.0", int(port)):
            await asyncio.Future()
    asyncio.run(serve())


def chat_client(url, count):
    import asyncio
    import websockets

    async def talk():
        rng = random.Random(7)
        async with websockets.connect(url) as ws:
            for i in range(int(count)):
                text = "word " * rng.randrange(1, 30) + str(i)
                await ws.send(text)
                if await ws.recv() != "you said: " + text:
                    sys.exit("another answer")
                await asyncio.sleep(rng.uniform(0.02, 0.25))
    asyncio.run(talk())
    print("all said")


def chat_idle(url, interval, seconds):
    """A chat in which nobody says anything: the library asks after the other end."""
    import asyncio
    import websockets

    async def listen():
        async with websockets.connect(url, ping_interval=float(interval)):
            await asyncio.sleep(float(seconds))
    asyncio.run(listen())


VNC_UPDATES = 4  # at least, however long they take


def vnc_client(address, port, seconds):
    """Looks at a screen as a viewer does, raw (RFC 6143); prints the updates and bytes it got."""
    s = socket.create_connection((address, int(port)), timeout=10)
    stream = s.makefile("rwb")

    def say(data):
        stream.write(data)
        stream.flush()

    def ask(incremental):
        say(struct.pack(">BBHHHH", 3, incremental, 0, 0, width, height))

    stream.read(12)
    say(b"RFB 003.008\n")
    stream.read(stream.read(1)[0])
    say(b"\x01")  # no authentication
    if stream.read(4) != bytes(4):
        sys.exit("not let in")
    say(b"\x01")  # shared
    width, height = struct.unpack(">HH", stream.read(4))
    stream.read(16)
    stream.read(struct.unpack(">I", stream.read(4))[0])
    say(struct.pack(">BxHi", 2, 1, 0))  # only the raw encoding
    ask(0)
    updates, total, end = 0, 0, time.monotonic() + float(seconds)
    while time.monotonic() < end or updates < VNC_UPDATES:
        kind = stream.read(1)[0]
        if kind != 0:  # only framebuffer updates are expected here
            sys.exit(f"message {kind}")
        for _ in range(struct.unpack(">xH", stream.read(3))[0]):
            _, _, w, h, _ = struct.unpack(">HHHHi", stream.read(12))
            total += len(stream.read(w * h * 4))
        updates += 1
        ask(1)
    print(updates, total)


def tracker(port, *peers):
    """A BitTorrent tracker (BEP 3, BEP 23) that always gives the same peers, "ADDRESS:PORT"."""
    import http.server

    packed = b"".join(socket.inet_aton(p.split(":")[0]) + int(p.split(":")[1]).to_bytes(2, "big") for p in peers)

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"d8:intervali5e5:peers%d:%se" % (len(packed), packed)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    http.server.HTTPServer(("0.0.0.0", int(port)), Answer).serve_forever()


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](*sys.argv[2:])
