#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One end of a voice over a stream: plays frames made by frames.py by the clock, and throws away what it hears.

    voice.py listen|call HOST PORT --frames FILE [--wrap length|tls|ws|wss|chunk] [--seconds S]
             [--certificate FILE --key FILE] [--nagle] [--pad N] [--noise N] [--late MS] [--echo]

FILE holds frames: milliseconds (4 bytes), length (2 bytes), data; big-endian.
ws and wss are the websockets library, tls and wss the ssl module: nothing of TLS or WebSocket is made here.
--pad: frames are filled to N bytes; --noise: a random number of up to N bytes more; --late: held for a random
time of up to MS milliseconds; --echo: sends back what it hears instead of playing.
"""
import argparse
import asyncio
import random
import socket
import ssl
import struct
import time

import websockets

RECORD = struct.Struct("!IH")


def frames(path):
    with open(path, "rb") as fh:
        data = fh.read()
    at = 0
    while at + RECORD.size <= len(data):
        ms, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        yield ms / 1000, data[at:at + length]
        at += length


def grown(o, data):
    data = data.ljust(o.pad, b"\0")
    return data + bytes(random.randint(0, o.noise)) if o.noise else data


async def play(o, send):
    start = time.monotonic()
    for at, data in frames(o.frames):
        if at > o.seconds:
            break
        at += random.random() * o.late / 1000
        await asyncio.sleep(max(0, start + at - time.monotonic()))
        await send(grown(o, data))


# -- TCP and TLS

def packed(o, data):
    return b"%x\r\n%s\r\n" % (len(data), data) if o.wrap == "chunk" else struct.pack("!H", len(data)) + data


def set_nagle(o, writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0 if o.nagle else 1)


async def stream(o, reader, writer):
    set_nagle(o, writer)
    if o.wrap == "chunk":
        writer.write(b"POST /up HTTP/1.1\r\nHost: example.net\r\nTransfer-Encoding: chunked\r\n\r\n" if o.role == "call"
                     else b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")

    async def hear():
        while data := await reader.read(65536):
            if o.echo:
                writer.write(data)

    async def send(data):
        writer.write(packed(o, data))
        await writer.drain()

    hearing = asyncio.ensure_future(hear())
    await (asyncio.sleep(o.seconds) if o.echo else play(o, send))
    hearing.cancel()
    writer.close()


def context(o):
    if o.wrap not in ("tls", "wss"):
        return None
    if o.role == "listen":
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(o.certificate, o.key)
        return c
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    return c


async def over_stream(o):
    if o.role == "call":
        await stream(o, *await asyncio.open_connection(o.host, o.port, ssl=context(o)))
        return
    done = asyncio.Event()

    async def accept(reader, writer):
        try:
            await stream(o, reader, writer)
        finally:
            done.set()
    async with await asyncio.start_server(accept, o.host, o.port, ssl=context(o)):
        await done.wait()


# -- WebSocket

async def socket_play(o, ws):
    async def hear():
        async for data in ws:
            if o.echo:
                await ws.send(data)
    hearing = asyncio.ensure_future(hear())
    await (asyncio.sleep(o.seconds) if o.echo else play(o, ws.send))
    hearing.cancel()


async def over_websocket(o):
    if o.role == "call":
        async with websockets.connect(f"{'wss' if o.wrap == 'wss' else 'ws'}://{o.host}:{o.port}/voice", ssl=context(o)) as ws:
            await socket_play(o, ws)
        return
    done = asyncio.Event()

    async def accept(ws):
        try:
            await socket_play(o, ws)
        finally:
            done.set()
    async with websockets.serve(accept, o.host, o.port, ssl=context(o)):
        await done.wait()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("role", choices=("listen", "call"))
    ap.add_argument("host")
    ap.add_argument("port", type=int)
    ap.add_argument("--frames", required=True)
    ap.add_argument("--wrap", default="length", choices=("length", "tls", "ws", "wss", "chunk"))
    ap.add_argument("--seconds", type=float, default=1e9)
    ap.add_argument("--certificate")
    ap.add_argument("--key")
    ap.add_argument("--nagle", action="store_true")
    ap.add_argument("--pad", type=int, default=0)
    ap.add_argument("--noise", type=int, default=0)
    ap.add_argument("--late", type=float, default=0)
    ap.add_argument("--echo", action="store_true")
    o = ap.parse_args()
    try:
        asyncio.run(asyncio.wait_for((over_websocket if o.wrap in ("ws", "wss") else over_stream)(o), o.seconds + 15))
    except (OSError, asyncio.TimeoutError, websockets.ConnectionClosed):
        pass


if __name__ == "__main__":
    main()
