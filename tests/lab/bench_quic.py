# SPDX-License-Identifier: GPL-3.0-or-later
"""Video over HTTP/3: Chromium fetches segments of DASH at the rate that the line is worth."""
import base64
import hashlib
import os
import subprocess
import time

import world
import bench_media
import bench_tcp
import recipes
from browser import Browser
from net import SERVER4, LabError
from ordinary import folder

PORT = 4433
SEGMENT_S = 2
RATES = (150_000, 500_000, 1_500_000)  # bits a second
SOUND = ("-c:a", "aac", "-b:a", "64k")


def segments(lab, seconds):
    """ffmpeg makes them: a stream of video for each rate, and one of sound."""
    to = folder(lab, "www-quic")
    video = [word for i, rate in enumerate(RATES)
             for word in ("-map", "0:v", f"-b:v:{i}", str(rate), f"-maxrate:v:{i}", str(2 * rate), f"-bufsize:v:{i}", str(2 * rate))]
    world.net.run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25,noise=alls=20:allf=t",
                  "-f", "lavfi", "-i", "sine", "-t", str(seconds), *video, "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-g", str(25 * SEGMENT_S), *SOUND, "-f", "dash",
                  "-seg_duration", str(SEGMENT_S), "-use_template", "1", f"{to}/play.mpd", timeout=120)
    return to


def key_digest(lab):
    """What Chromium wants to know of a certificate that nobody has signed."""
    key = subprocess.run(["openssl", "pkey", "-in", lab.path("voice.key"), "-pubout", "-outform", "DER"], stdout=subprocess.PIPE, check=True).stdout
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def adaptive(lab):
    count = int(bench_media.TALK_S / SEGMENT_S) + 4
    to = segments(lab, count * SEGMENT_S)
    bench_tcp.certificate(lab)
    lab.start("server", "gtlsserver", "-q", "-d", to, SERVER4, str(PORT), lab.path("voice.key"), lab.path("voice.pem"))
    lab.wait_port("server", PORT, "-u")
    player = Browser(lab, "client", os.path.join(recipes.HERE, "player.html"),
                     f"--host-resolver-rules=MAP www.example.net {SERVER4}, MAP * ~NOTFOUND, EXCLUDE {SERVER4}",
                     f"--origin-to-force-quic-on=www.example.net:{PORT}", f"--ignore-certificate-errors-spki-list={key_digest(lab)}", "--disable-web-security")
    try:
        player.js(f"void call.play('https://www.example.net:{PORT}', {list(RATES)}, {len(RATES)}, {1000 * SEGMENT_S}, {count})")
        time.sleep(bench_media.TALK_S)
        got = player.js("call.got")
        if len(got) < count / 2 or len({rate for rate, _ in got}) < 2:
            raise LabError(f"{len(got)} of {count} segments, of rates {[r for r, _ in got]}")
    finally:
        player.close()
