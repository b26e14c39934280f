# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams over RTMP: nginx relays, ffmpeg publishes and plays, as a web telephone of the Flash time did."""
import time

from net import SERVER4, LabError, run

PORT = 1935
MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
NGINX = """daemon off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
load_module {module};
events {{ }}
rtmp {{
	server {{
		listen {port};
		application live {{ live on; }}
	}}
}}
"""
# What a web telephone could send, by name: the encoder's words for ffmpeg.
CODECS = {
    "speex": ("-c:a", "libspeex", "-ar", "16000", "-ac", "1", "-vbr", "on"),
    "speex-cbr": ("-c:a", "libspeex", "-ar", "16000", "-ac", "1", "-b:a", "27800"),
    "nellymoser": ("-c:a", "nellymoser", "-ar", "8000", "-ac", "1"),
    "alaw": ("-af", "aresample=8000,asetnsamples=160", "-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"),
    "alaw-30": ("-af", "aresample=8000,asetnsamples=240", "-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"),
    "aac": ("-c:a", "aac", "-ar", "44100", "-b:a", "64k"),
}
VIDEO = ("-f", "lavfi", "-i", "testsrc=size=320x240:rate=15", "-map", "0:a", "-map", "1:v", "-c:v", "flv1", "-b:v", "200k", "-g", "30")


def url(name, server=SERVER4):
    return f"rtmp://{server}:{PORT}/live/{name}"


def serve(lab, role="server"):
    lab.start(role, "nginx", "-c", lab.write("nginx-rtmp.conf", NGINX.format(dir=lab.dir, port=PORT, module=MODULE)))
    lab.wait_port(role, PORT)


def turns(lab, odd):
    """A file of somebody who makes a sound every other second, the odd or the even ones."""
    path = lab.path(f"turns{odd}.wav")
    run("ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
        f"aevalsrc=0.3*sin(2*PI*{300 + 140 * odd}*t)*eq(mod(floor(t)\\,2)\\,{odd}):s=16000", "-t", "8", "-ac", "1", path)
    return path


def publish(lab, role, name, sound, codec, seconds, video=False):
    return lab.start(role, "ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", sound, *(VIDEO if video else ()),
                     "-t", str(seconds), *CODECS[codec], "-f", "flv", url(name))


def play(lab, role, name):
    return lab.start(role, "ffmpeg", "-nostdin", "-v", "error", "-rtmp_live", "live", "-rtmp_buffer", "0", "-i", url(name), "-f", "null", "-")


def through(lab, senders, hearers, seconds):
    """Until the senders have sent all; who plays would wait for more."""
    for process in senders:
        if process.wait(timeout=seconds + 15) != 0:
            raise LabError(f"ffmpeg: {open(process.log, errors='replace').read()[-300:]}")
    for process in hearers:
        if process.poll() is not None:
            raise LabError(f"ffmpeg plays no more: {open(process.log, errors='replace').read()[-300:]}")
        lab.stop(process)


def talk(lab, seconds, codec="speex", client="client", video=False):
    """The client publishes `alice` and plays `bob`, the other end the reverse: two connections each. Returns (senders, hearers)."""
    serve(lab)
    ends = [(client, "alice", "bob", turns(lab, 0)), ("server", "bob", "alice", turns(lab, 1))]
    senders = [publish(lab, role, mine, sound, codec, seconds, video) for role, mine, _, sound in ends]
    time.sleep(1.0)  # a stream is there before it is played
    return senders, [play(lab, role, theirs) for role, _, theirs, _ in ends]


def call(lab, seconds, codec="speex", video=False):
    through(lab, *talk(lab, seconds, codec, video=video), seconds)


def studio(lab, seconds, codec="speex", video=False):
    """The client publishes a stream and watches it come back."""
    serve(lab)
    sender = publish(lab, "client", "show", turns(lab, 0), codec, seconds, video)
    time.sleep(1.0)
    through(lab, [sender], [play(lab, "client", "show")], seconds)


def radio(lab, seconds, codec="speex", video=False):
    """The client listens to what others publish."""
    serve(lab)
    sender = publish(lab, "server", "radio", turns(lab, 0), codec, seconds, video)
    time.sleep(1.0)
    through(lab, [sender], [play(lab, "client", "radio")], seconds)


def broadcast(lab, seconds, codec="aac", video=True):
    """The client publishes, and others watch."""
    serve(lab)
    sender = publish(lab, "client", "show", turns(lab, 0), codec, seconds, video)
    time.sleep(1.0)
    through(lab, [sender], [play(lab, "server", "show")], seconds)
