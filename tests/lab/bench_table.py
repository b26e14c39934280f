# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bench runs: one row a program and setting."""
import collections
import itertools

import world  # noqa: F401 first: it finds tools/lab
import bench_games as games
import bench_media as media
import bench_other as other
import bench_phones as phones
import bench_quic as quic
import bench_screens as screens
import bench_tcp as tcp
import clocked
import ordinary
import rtmp
import wrapped

SNAPLEN = 96  # Ethernet, IPv6, UDP, and the first bytes of what it carries
CALIBRATE, CHECK = "calibrate", "check"

# kind: voice, video, radio, clocked (a negative that has a clock), ordinary. half: of a program, never of a row.
# label(flow, busiest): label and application. how: run, or generated. profiles: None: all of them. alone: needs the processor.
# seconds: that a run lasts; None: TALK_S of bench_media.py. link: profile of tools/impair that the client's cable has meanwhile.
Entry = collections.namedtuple("Entry", "name kind program codec half needs make label how snaplen profiles alone notes seconds link",
                               defaults=("run", SNAPLEN, None, False, "", None, None))
PLAY_S = 150  # of what has a clock and is no call: false positives are counted by the hour


# -- labels

SIP = 5060


def sip_media(flow, busiest):
    """RTP on even ports, RTCP on the odd ones above."""
    if SIP in (flow.port_a, flow.port_b):
        return "signalling", "sip"
    return ("media", "") if flow.port_a % 2 == 0 and flow.port_b % 2 == 0 else ("signalling", "")


def linphone_media(flow, busiest):
    return ("media", "") if flow.port_a == 7078 else ("signalling", "sip" if flow.port_a == SIP else "")


def busiest_media(flow, busiest):
    return ("media", "") if busiest else ("control", "")


def voice_and_video(flow, busiest):
    """As sip_media, but the video has a flow of its own, and cadence does not promise to see it."""
    label, app = sip_media(flow, busiest)
    return ("unknown", "") if label == "media" and not busiest else (label, app)


def rtp_pair(flow, busiest):
    return ("media", "") if flow.port_a % 2 == 0 and flow.port_b % 2 == 0 else ("signalling", "")


def no_call(flow, busiest):
    return "other", ""


def not_scored(flow, busiest):
    return "unknown", ""


# -- calls

def baresip_rows():
    # name, module, account, configuration, codec
    g711 = [("pcmu-20", "g711", ";audio_codecs=PCMU;ptime=20", "", "PCMU 20 ms"),
            ("pcma-30", "g711", ";audio_codecs=PCMA;ptime=30", "", "PCMA 30 ms"),
            ("pcma-10", "g711", ";audio_codecs=PCMA;ptime=10", "", "PCMA 10 ms"),
            ("pcmu-40-srtp", "g711", ";audio_codecs=PCMU;ptime=40;mediaenc=srtp-mand", "", "PCMU 40 ms SRTP"),
            ("pcmu-60", "g711", ";audio_codecs=PCMU;ptime=60", "", "PCMU 60 ms"),
            ("g722-20", "g722", ";audio_codecs=G722/16000;ptime=20", "", "G.722 20 ms"),
            ("g726-20", "g726", ";audio_codecs=G726-32/8000;ptime=20", "", "G.726 20 ms"),
            ("gsm-20", "gsm", ";audio_codecs=GSM/8000;ptime=20", "", "GSM 20 ms")]
    o = "opus/48000/2"
    opus = [("opus-24-vbr", f";audio_codecs={o};ptime=20", media.opus(24000), "Opus 24k VBR 20 ms"),
            ("opus-12-vbr-40", f";audio_codecs={o};ptime=40", media.opus(12000), "Opus 12k VBR 40 ms"),
            ("opus-16-vbr-60-srtp", f";audio_codecs={o};ptime=60;mediaenc=srtp-mand", media.opus(16000), "Opus 16k VBR 60 ms SRTP"),
            ("opus-48-vbr-10", f";audio_codecs={o};ptime=10", media.opus(48000), "Opus 48k VBR 10 ms"),
            ("opus-32-cbr-srtp", f";audio_codecs={o};ptime=20;mediaenc=srtp-mand", media.opus(32000, cbr="yes"), "Opus 32k CBR 20 ms SRTP"),
            ("opus-16-dtx", f";audio_codecs={o};ptime=20", media.opus(16000, dtx="yes"), "Opus 16k DTX 20 ms"),
            ("opus-24-dtx-srtp", f";audio_codecs={o};ptime=20;mediaenc=srtp-mand", media.opus(24000, dtx="yes", application="voip"),
             "Opus 24k DTX 20 ms SRTP"),
            ("opus-64-fec", f";audio_codecs={o};ptime=20", media.opus(64000, inbandfec="yes"), "Opus 64k VBR FEC 20 ms")]
    for name, module, account, extra, codec in g711 + [(n, "opus", *rest) for n, *rest in opus]:
        yield Entry(f"baresip-{name}", "voice", "baresip", codec, CALIBRATE, ("baresip",), media.baresip(module, account, extra), sip_media)
    yield Entry("baresip-opus-ipv6", "voice", "baresip", "Opus 20k VBR 20 ms", CALIBRATE, ("baresip",),
                media.baresip("opus", f";audio_codecs={o}", media.opus(20000), version=6), sip_media, notes="IPv6")
    yield Entry("baresip-opus-dtx-quiet", "voice", "baresip", "Opus 24k DTX 20 ms", CALIBRATE, ("baresip",),
                media.baresip("opus", f";audio_codecs={o}", media.opus(24000, dtx="yes"), noise=0), sip_media,
                notes="a microphone without noise")
    yield Entry("baresip-video", "video", "baresip", "PCMU 20 ms + VP8 15/s", CALIBRATE, ("baresip",),
                media.baresip("g711", ";audio_codecs=PCMU;video_codecs=VP8", media.FAKE_VIDEO), voice_and_video,
                notes="audio and video in flows of their own")


def ffmpeg_rows():
    def row(name, codec, *args, **kw):
        return Entry(f"ffmpeg-{name}", "voice", "ffmpeg", codec, CALIBRATE, ("ffmpeg",), media.ffmpeg(*args, **kw), rtp_pair)
    mulaw, opus = ("-c:a", "pcm_mulaw"), ("-c:a", "libopus", "-application", "voip")
    yield row("pcmu-20", "PCMU 20 ms", mulaw, 8000, 160, 160)
    yield row("pcmu-40", "PCMU 40 ms", mulaw, 8000, 320, 320)
    yield row("pcmu-60", "PCMU 60 ms", mulaw, 8000, 480, 480)
    yield row("g722-20", "G.722 20 ms", ("-c:a", "g722"), 16000, 320, 160)
    yield row("pcma-20-srtp", "PCMA 20 ms SRTP", ("-c:a", "pcm_alaw"), 8000, 160, 160, key=True)
    yield row("speex-20", "Speex 20 ms", ("-c:a", "libspeex"), 8000, 160, 60)
    yield row("speex-vad-20", "Speex VAD DTX 20 ms", ("-c:a", "libspeex", "-vad", "1", "-dtx", "1"), 8000, 160, 60)
    for ms, rate, vbr in ((20, 24, "on"), (40, 16, "on"), (60, 12, "on"), (20, 32, "off"), (10, 40, "on")):
        yield row(f"opus-{rate}-{'vbr' if vbr == 'on' else 'cbr'}-{ms}", f"Opus {rate}k {'VBR' if vbr == 'on' else 'CBR'} {ms} ms",
                  (*opus, "-b:a", f"{rate}k", "-vbr", vbr, "-frame_duration", str(ms)), 48000, 48 * ms, key=ms == 40)


def sipp_rows():
    for version in (4, 6):
        yield Entry(f"sipp-pcma-ipv{version}", "voice", "sipp", "PCMA 20 ms", CHECK, ("sipp",), media.sipp(version), sip_media)


def webrtc_rows():
    audio, both = {"audio": True}, {"audio": True, "video": True}

    def row(name, kind, codec, *args, notes="", **kw):
        return Entry(f"webrtc-{name}", kind, "chromium", codec, CHECK, ("chromium",), media.webrtc(*args, **kw), busiest_media,
                     alone=kind == "video", notes=notes)
    yield row("opus", "voice", "Opus VBR 20 ms", audio)
    yield row("opus-dtx", "voice", "Opus DTX 20 ms", audio, fmtp="usedtx=1")
    yield row("opus-cbr", "voice", "Opus CBR 20 ms", audio, fmtp="cbr=1;maxaveragebitrate=24000")
    yield row("opus-60", "voice", "Opus VBR 60 ms", audio, ptime=60)
    yield row("opus-low-dtx", "voice", "Opus 12k DTX 20 ms", audio, fmtp="usedtx=1;maxaveragebitrate=12000")
    yield row("pcmu", "voice", "PCMU 20 ms", audio, first="0")
    yield row("g722", "voice", "G.722 20 ms", audio, first="9")
    yield row("opus-ipv6", "voice", "Opus VBR 20 ms", audio, version=6, notes="IPv6")
    yield row("video", "video", "Opus + VP8, one flow", both)
    yield row("video-dtx", "video", "Opus DTX + VP8, one flow", both, fmtp="usedtx=1")
    yield row("video-oneway", "video", "Opus + VP8 up, Opus down", both, far=audio)
    yield row("video-only", "video", "VP8", {"video": True}, notes="a call without voices")._replace(label=not_scored)


def gstreamer_rows():
    def row(name, codec, *args, **kw):
        return Entry(f"gst-{name}", "voice", "gstreamer", codec, CHECK, ("gst-launch-1.0",), media.gstreamer(*args, **kw), rtp_pair)
    yield row("opus-dtx-20", "Opus 24k DTX 20 ms", "opusenc audio-type=voice bitrate=24000 dtx=true ! rtpopuspay", 48000)
    yield row("opus-vbr-40-srtp", "Opus 20k VBR 40 ms SRTP",
              "opusenc audio-type=voice bitrate=20000 bitrate-type=vbr frame-size=40 ! rtpopuspay", 48000, key=True)
    yield row("opus-cbr-60", "Opus 16k CBR 60 ms", "opusenc audio-type=voice bitrate=16000 frame-size=60 ! rtpopuspay", 48000)
    yield row("opus-dtx-60", "Opus 12k DTX 60 ms", "opusenc audio-type=voice bitrate=12000 dtx=true frame-size=60 ! rtpopuspay", 16000)
    yield row("opus-vbr-10", "Opus 32k VBR 10 ms", "opusenc audio-type=voice bitrate=32000 bitrate-type=vbr frame-size=10 ! rtpopuspay", 48000)
    yield row("speex-20", "Speex 20 ms", "speexenc quality=6 ! rtpspeexpay", 16000)
    yield row("speex-vbr-dtx", "Speex VBR DTX 20 ms", "speexenc vbr=true vad=true dtx=true ! rtpspeexpay", 16000)
    yield row("gsm-20", "GSM 20 ms", "audioresample ! gsmenc ! rtpgsmpay", 8000)
    yield row("amr-nb-20", "AMR 20 ms", "amrnbenc ! rtpamrpay", 8000)
    yield row("amr-wb-20", "AMR-WB 20 ms", "voamrwbenc ! rtpamrpay", 16000)
    yield row("pcma-30", "PCMA 30 ms", "alawenc ! rtppcmapay min-ptime=30000000 max-ptime=30000000", 8000)
    yield row("pcmu-20-srtp", "PCMU 20 ms SRTP", "mulawenc ! rtppcmupay min-ptime=20000000 max-ptime=20000000", 8000, key=True)
    yield row("l16-10", "L16 16 kHz 10 ms", "audioconvert ! rtpL16pay min-ptime=10000000 max-ptime=10000000", 16000)


def softphone_rows():
    for name, codec, args in (
            ("opus", "Opus VBR 20 ms", ("opus (48000)",)), ("speex", "Speex VBR 20 ms", ("speex (16000)",)),
            ("g729", "G.729 annex B 20 ms", ("G729 (8000)",)), ("g726", "G.726 20 ms", ("G726-32 (8000)",)),
            ("pcmu-srtp", "PCMU 20 ms SRTP", ("PCMU (8000)", "srtp"))):
        yield Entry(f"linphone-{name}", "voice", "linphone", codec, CALIBRATE, ("linphonec",), phones.linphone(*args), linphone_media)
    for codec in ("ulaw", "slinear"):
        yield Entry(f"iaxmodem-{codec}", "voice", "iaxmodem", f"{codec} 20 ms", CHECK, ("iaxmodem",), phones.iaxmodem(codec), busiest_media,
                    notes="IAX2, call set-up and voice in one flow; modem sounds")
    for name, transmit, frames, notes in (("20", phones.CONTINUOUS, 2, ""), ("vad-20", phones.VOICE_ACTIVITY, 2, "silence left out"),
                                          ("vad-60", phones.VOICE_ACTIVITY, 6, "silence left out"), ("10", phones.CONTINUOUS, 1, "")):
        yield Entry(f"mumble-{name}", "voice", "mumble", f"Opus {10 * frames} ms", CHECK, ("mumble", "murmurd", "pulseaudio", "paplay"),
                    phones.mumble(transmit, frames), lambda flow, busiest: ("media" if busiest else "control", "mumble"), notes=notes)


# -- no calls

def ordinary_rows():
    def row(name, kind, program, half, needs, make, codec="", notes="", **kw):
        seconds = PLAY_S if kind in ("clocked", "radio") else None
        return Entry(name, kind, program, codec, half, needs, make, no_call, notes=notes, seconds=seconds, **kw)
    yield row("dns", "ordinary", "dig", CALIBRATE, ("dig", "dnsmasq", "nginx"), other.usual(ordinary.dns))
    yield row("ntp", "ordinary", "chrony", CHECK, ("chronyd", "nginx", "dnsmasq"), other.usual(ordinary.ntp))
    yield row("snmp", "ordinary", "snmpwalk", CHECK, ("snmpd", "snmpwalk", "nginx", "dnsmasq"), other.usual(ordinary.snmp))
    yield row("syslog", "ordinary", "logger", CALIBRATE, ("rsyslogd", "logger", "nginx", "dnsmasq"), other.usual(ordinary.syslog))
    yield row("quic", "ordinary", "ngtcp2", CALIBRATE, ("gtlsserver", "gtlsclient", "nginx", "dnsmasq"), other.usual(ordinary.quic))
    yield row("wireguard", "ordinary", "wireguard-go", CHECK, ("wireguard-go", "wg", "iperf3", "nginx", "dnsmasq"),
              other.usual(ordinary.wireguard))
    yield row("openvpn", "ordinary", "openvpn", CALIBRATE, ("openvpn", "iperf3", "nginx", "dnsmasq"), other.usual(ordinary.openvpn))
    yield row("bittorrent", "ordinary", "transmission", CHECK, ("transmission-daemon", "transmission-create", "nginx", "dnsmasq"),
              other.usual(ordinary.bittorrent))
    yield row("mosh", "ordinary", "mosh", CHECK, ("mosh-server", "mosh-client"), other.typing)
    for rate, size in ((25, 300), (50, 172), (100, 120), (33, 80)):
        yield row(f"iperf-{rate}-{size}", "clocked", "iperf3", CALIBRATE, ("iperf3",), other.iperf(rate, size),
                  f"{rate} Hz, {size} bytes", notes="one way, constant")
    yield row("iperf-bulk", "ordinary", "iperf3", CALIBRATE, ("iperf3",), other.iperf(400, 1200), "400 Hz, 1200 bytes", notes="one way")
    yield row("doom", "clocked", "chocolate-doom", CALIBRATE, ("/usr/games/chocolate-doom", "/usr/games/chocolate-server"), other.doom,
              "35 Hz both ways")
    yield row("teeworlds", "clocked", "teeworlds", CHECK, ("/usr/games/teeworlds", "/usr/games/teeworlds-server", "Xvfb"),
              other.teeworlds, "50 Hz", alone=True)
    yield row("openarena", "clocked", "openarena", CHECK, ("/usr/games/openarena", "/usr/games/openarena-server", "Xvfb"),
              other.openarena, "40 Hz up, 20 Hz down", alone=True)
    yield row("minetest", "ordinary", "minetest", CALIBRATE, ("/usr/games/minetest", "/usr/games/minetestserver", "Xvfb"),
              other.minetest, "a world, and where one stands", alone=True)
    yield row("bzflag", "ordinary", "bzflag", CHECK, ("/usr/games/bzflag", "/usr/games/bzfs", "Xvfb"), other.bzflag, alone=True)
    x264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency")
    yield row("camera-h264", "clocked", "ffmpeg-video", CALIBRATE, ("ffmpeg",), other.camera((*x264, "-b:v", "500k"), 25), "H.264 25/s RTP",
              notes="one way")
    yield row("camera-h264-low", "clocked", "ffmpeg-video", CALIBRATE, ("ffmpeg",),
              other.camera((*x264, "-b:v", "60k", "-g", "250"), 20, "160x120"), "H.264 20/s RTP", notes="one way, small pictures")
    yield row("camera-mjpeg", "clocked", "ffmpeg-video", CALIBRATE, ("ffmpeg",),
              other.camera(("-c:v", "mjpeg", "-q:v", "20", "-pix_fmt", "yuvj420p", "-huffman", "default"), 15, "160x128"),
              "MJPEG 15/s RTP", notes="one way")
    yield row("television", "clocked", "ffmpeg-mpegts", CHECK, ("ffmpeg",), other.television, "MPEG-TS", notes="one way")
    yield row("radio-opus", "radio", "ffmpeg-radio", CHECK, ("ffmpeg",),
              other.radio(("-ac", "2", "-c:a", "libopus", "-b:a", "96k"), 48000, 960), "Opus 96k 20 ms", notes="one way, music")
    yield row("radio-mp3", "radio", "ffmpeg-radio", CHECK, ("ffmpeg",),
              other.radio(("-ac", "2", "-c:a", "libmp3lame", "-b:a", "64k"), 44100, 1152), "MP3 64k", notes="one way, music")
    yield row("radio-mpegts", "radio", "ffmpeg-radio", CHECK, ("ffmpeg",),
              other.radio(("-ac", "2", "-c:a", "aac", "-b:a", "96k"), 44100, 1024, "mpegts"), "AAC in MPEG-TS", notes="one way, music")
    for rate, up, down in ((20, (30, 60), (60, 300)), (30, (40, 40), (120, 120)), (60, (20, 48), (50, 150))):
        yield row(f"datachannel-{rate}", "clocked", "chromium-data", CALIBRATE, ("chromium",), other.data_channel(rate, up, down),
                  f"{rate} Hz both ways")._replace(label=lambda flow, busiest: ("other" if busiest else "control", ""))


def wrapped_rows():
    """Of each pair one is in either half."""
    for pair in wrapped.wraps():
        for half, wrap in zip((CALIBRATE, CHECK), pair):
            yield Entry(f"wrap-{wrap.name}", "voice", f"wrapper-{half}", f"{wrap.codec} {wrap.frame_ms} ms", half,
                        ("espeak-ng", "gst-launch-1.0"),
                        lambda writer, voices, w=wrap: wrapped.write(writer, w, wrapped.talks(voices), 1), busiest_media,
                        how="generated", notes=wrap.what)


# -- over TCP and in tunnels: whole packets, and the cable is a bad one while they run

LINKS = (None, "wifi", "lte")


def linked(row):
    """The row over each of LINKS."""
    for link in LINKS:
        yield row._replace(name=f"tcp-{row.name}{'-over-' + link if link else ''}", link=link, snaplen=0, profiles=())


def hidden_rows():
    speech = ("espeak-ng", "opusenc", "openssl")

    def row(name, program, half, codec, make, *needs, label=busiest_media, notes=""):
        return linked(Entry(name, "voice", program, codec, half, (*speech, *needs), make, label, notes=notes))
    for name, codec, wrap in (("ws-opus-20", "opus-20", "ws"), ("wss-opus-20", "opus-20", "wss"), ("wss-opus-60", "opus-60", "wss"),
                              ("wss-opus-dtx", "opus-dtx", "wss"), ("ws-speex", "speex", "ws"), ("wss-alaw-20", "alaw-20", "wss"),
                              ("wss-opus-cbr", "opus-cbr", "wss")):
        yield from row(name, "websockets", CALIBRATE, f"{codec} over {wrap}", tcp.voice(codec, wrap))
    for name, codec, wrap in (("tls-opus-20", "opus-20", "tls"), ("tls-opus-40", "opus-40", "tls"), ("tls-opus-dtx", "opus-dtx", "tls"),
                              ("tls-alaw-30", "alaw-30", "tls"), ("tls-gsm", "gsm-20", "tls"), ("chunk-opus-20", "opus-20", "chunk")):
        yield from row(name, "tls-voice", CHECK, f"{codec} over {wrap}", tcp.voice(codec, wrap))
    for kind in ("turn", "turns"):
        yield from row(f"{kind}-tcp-opus", "coturn", CHECK, f"Opus VBR 20 ms, {kind} over TCP", tcp.relayed(kind), "chromium", "turnserver")
    for codec in ("speex", "alaw", "nellymoser"):
        yield from row(f"rtmp-{codec}", "nginx-rtmp", CHECK, f"{codec} over RTMP", tcp.over_rtmp(rtmp.call, codec), "ffmpeg", rtmp.MODULE,
                       label=lambda flow, busiest: ("media", "rtmp"))
    for proto in ("udp", "tcp"):
        for name, call in (("opus", tcp.OPUS), ("pcma", tcp.PCMA)):
            yield from row(f"openvpn-{proto}-{name}", "openvpn-call", CALIBRATE, f"{name} 20 ms in OpenVPN over {proto}",
                           tcp.inside(tcp.openvpn_up, proto, call), "openvpn", "iperf3", "ffmpeg")
        yield from row(f"openvpn-{proto}-phone", "openvpn-call", CALIBRATE, f"Opus 20 ms by baresip in OpenVPN over {proto}",
                       tcp.inside(tcp.openvpn_up, proto, tcp.phoned(media.baresip, "opus", ";audio_codecs=opus/48000/2;ptime=20",
                                                              media.opus(24000) + "net_interface\ttun0\n")),
                       "openvpn", "iperf3", "baresip")
    for name, encode, rate in (("opus", "opusenc audio-type=voice bitrate=24000 bitrate-type=vbr ! rtpopuspay", 48000),
                               ("pcma", "alawenc ! rtppcmapay min-ptime=20000000 max-ptime=20000000", 8000)):
        yield from row(f"wireguard-phone-{name}", "wireguard-call", CHECK, f"{name} 20 ms by GStreamer in WireGuard",
                       tcp.inside(tcp.wireguard_up, "udp", tcp.phoned(media.gstreamer, encode, rate)), "wireguard-go", "wg", "iperf3", "gst-launch-1.0")
    for name, call in (("opus", tcp.OPUS), ("pcma", tcp.PCMA)):
        yield from row(f"wireguard-{name}", "wireguard-call", CHECK, f"{name} 20 ms in WireGuard", tcp.inside(tcp.wireguard_up, "udp", call),
                       "wireguard-go", "wg", "iperf3", "ffmpeg")
    for codec in ("opus-20", "speex"):
        yield from row(f"ssh-{codec}", "ssh-call", CHECK, f"{codec} through ssh -L", tcp.forwarded(codec, "length"), "ssh", "sshd")


def streamed_rows():
    def row(name, program, half, make, *needs, what="", notes=""):
        return linked(Entry(name, "clocked" if "Hz" in what else "ordinary", program, what, half, needs, make, no_call, notes=notes))
    yield from row("ws-chat", "websockets-chat", CALIBRATE, ordinary.websocket)
    for rate, what, size in ((50, "52 bytes", lambda rng, i: 52), (50, "40 to 90 bytes", lambda rng, i: rng.randint(40, 90)),
                             (30, "60 to 200 bytes", lambda rng, i: rng.randint(60, 200)), (20, "120 bytes", lambda rng, i: 120)):
        yield from row(f"wss-ticker-{rate}-{what.split()[0]}", "websockets-chat", CALIBRATE, tcp.ticker(rate, size, "wss"), "openssl",
                       what=f"{rate} Hz, {what}")
    yield from row("wss-feed-25", "websockets-chat", CALIBRATE, tcp.ticker(25, lambda rng, i: int(rng.gauss(180, 30)), "wss", both=False), "openssl",
                   what="25 Hz down")
    for half, kinds in ((CALIBRATE, ("fixed", "uniform")), (CHECK, ("normal", "walk"))):
        for kind, wrap in ((k, w) for k in kinds for w in ("wss", "tls")):
            yield Entry(f"tcp-tickers-{kind}-{wrap}", "clocked", f"tickers-{half}", f"20 to 100 Hz, {kind} sizes", half, ("openssl",), tcp.tickers(kind, wrap),
                        no_call, snaplen=SNAPLEN, profiles=(), seconds=PLAY_S)
    yield from row("vnc", "tigervnc", CALIBRATE, tcp.vnc, "Xtigervnc", "xclock")
    yield from row("mqtt-20", "mosquitto", CHECK, tcp.mqtt(20), "mosquitto", "mosquitto_pub", what="20 Hz")
    yield from row("mqtt-50", "mosquitto", CHECK, tcp.mqtt(50), "mosquitto", "mosquitto_pub", what="50 Hz")
    yield from row("ssh-typing", "ssh-cat", CALIBRATE, tcp.ssh_typing, "ssh", "sshd")
    yield from row("ssh-key-held", "ssh-cat", CALIBRATE, tcp.ssh_key_held, "ssh", "sshd", what="30 Hz")
    yield from row("rsync", "rsync", CHECK, tcp.rsync, "ssh", "sshd", "rsync")
    yield from row("icecast-mp3", "icecast", CHECK, tcp.icecast(("-c:a", "libmp3lame", "-b:a", "64k"), "mpeg"), "icecast2", "ffmpeg", what="MP3 64k music")
    yield from row("icecast-talk", "icecast", CHECK, tcp.icecast(("-ac", "1", "-c:a", "libopus", "-b:a", "24k"), "ogg", True), "icecast2", "ffmpeg",
                   "espeak-ng", what="Opus 24k speech")
    for name, what in (("hls", ordinary.hls), ("dash", ordinary.dash)):
        yield from row(name, "ffmpeg-player", CALIBRATE, other.usual(what), "ffmpeg", "nginx", "dnsmasq")
    for name, what, *args in (("broadcast", rtmp.broadcast, "aac", True), ("audio", rtmp.broadcast, "speex", False),
                              ("radio", rtmp.radio, "speex"), ("studio", rtmp.studio, "alaw")):
        yield from row(f"rtmp-{name}", "nginx-rtmp-streams", CHECK, tcp.over_rtmp(what, *args), "nginx", "ffmpeg", rtmp.MODULE)
    for proto in ("udp", "tcp"):
        for name, what in (("pages", tcp.pages), ("bulk", tcp.bulk)):
            yield from row(f"openvpn-{proto}-{name}", "openvpn-web", CALIBRATE, tcp.inside(tcp.openvpn_up, proto, what), "openvpn", "iperf3", "nginx", "curl")
    for name, what in (("pages", tcp.pages), ("bulk", tcp.bulk)):
        yield from row(f"wireguard-{name}", "wireguard-web", CHECK, tcp.inside(tcp.wireguard_up, "udp", what), "wireguard-go", "wg", "iperf3", "nginx", "curl")


def game_rows():
    """Over TCP, and in tunnels, where but the clock is left of them. What plays in a tunnel is of the same half as the tunnel."""
    def row(name, program, half, make, *needs, what="", alone=False):
        return linked(Entry(name, "clocked", program, what, half, needs, make, no_call, alone=alone))
    doom, tee = ("/usr/games/chocolate-doom", "/usr/games/chocolate-server"), ("/usr/games/teeworlds", "/usr/games/teeworlds-server", "Xvfb")
    ttd, bz = ("/usr/games/openttd",), ("/usr/games/bzflag", "/usr/games/bzfs", "Xvfb", "iptables")
    yield from row("openttd", "openttd", CALIBRATE, games.openttd, *ttd, what="33 Hz down")
    yield from row("bzflag", "bzflag", CHECK, games.bzflag, *bz, what="computer players, no UDP", alone=True)
    yield from row("freeciv", "freeciv", CHECK, games.freeciv, "/usr/games/freeciv-gtk3.22", "/usr/games/freeciv-server", "setpriv", "Xvfb",
                   what="turns of 4 s", alone=True)
    yield from row("ssh-openttd", "ssh-web", CALIBRATE, tcp.inside(tcp.forwarded_up, (games.TTD_PORT,), games.openttd), *ttd, "ssh", "sshd",
                   what="33 Hz down")
    yield from row("stunnel-bzflag", "stunnel", CHECK, tcp.inside(tcp.stunnel_up, (games.BZ_PORT,), games.bzflag), *bz, "stunnel4",
                   what="computer players", alone=True)
    for proto in ("udp", "tcp"):
        yield from row(f"openvpn-{proto}-doom", "openvpn-game", CALIBRATE, tcp.inside(tcp.openvpn_up, proto, other.doom), *doom, "openvpn", "iperf3",
                       what="35 Hz both ways")
    yield from row("wireguard-teeworlds", "wireguard-game", CHECK, tcp.inside(tcp.wireguard_up, "udp", other.teeworlds), *tee, "wireguard-go", "wg", "iperf3",
                   what="50 Hz", alone=True)
    yield from row("wireguard-mosh", "wireguard-game", CHECK, tcp.inside(tcp.wireguard_up, "udp", other.typing), "mosh-server", "mosh-client", "wireguard-go",
                   "wg", "iperf3", what="typing")


def screen_rows():
    def row(name, program, half, make, *needs, what=""):
        return linked(Entry(name, "ordinary", program, what, half, needs, make, no_call, alone=True))
    for name, picture, what in (("moving", screens.MOVING, "a small picture, 25/s"), ("slides", screens.SLIDES, "a slide each 4 s")):
        yield from row(f"x11vnc-{name}", "x11vnc", CHECK, screens.x11vnc(picture), "x11vnc", "xtightvncviewer", "Xvfb", "ffplay", what=what)
        yield from row(f"rdp-{name}", "freerdp", CHECK, screens.rdp(picture), "freerdp-shadow-cli", "xfreerdp", "Xvfb", "ffplay", what=what)
        yield from row(f"xpra-{name}", "xpra", CALIBRATE, screens.xpra(picture), "xpra", "Xvfb", "ffplay", what=what)


def quiet_rows():
    def row(name, program, half, make, *needs, what=""):
        return linked(Entry(name, "ordinary", program, what, half, needs, make, no_call))
    yield from row("keepalives", "keepalives", CHECK, tcp.keepalives, "ssh", "sshd", "mosquitto", "mosquitto_sub", "socat",
                   what="twelve idle connections")
    yield from row("quic-video", "chromium-video", CALIBRATE, quic.adaptive, "chromium", "gtlsserver", "ffmpeg", "openssl",
                   what="segments of 2 s at the line's rate")
    for name, what in (("pages", tcp.pages), ("bulk", tcp.bulk)):
        yield from row(f"ssh-{name}", "ssh-web", CALIBRATE, tcp.inside(tcp.forwarded_up, (80, 443), what), "ssh", "sshd", "nginx", "curl")
        yield from row(f"stunnel-{name}", "stunnel", CHECK, tcp.inside(tcp.stunnel_up, (80, 443), what), "stunnel4", "nginx", "curl")


GENERATED_S = 300
SPEECH_HZ = (25, 100 / 3, 50, 100)


def clocked_label(shape):
    """One size, both ways alike, at the clock of speech: G.711 looks so too (docs/BENCH.md)."""
    return not_scored if shape.name.startswith("same-") and shape.up in SPEECH_HZ else no_call


def clocked_rows():
    """Every other shape to one half."""
    for i, shape in enumerate(clocked.shapes()):
        half = CALIBRATE if i % 2 == 0 else CHECK
        yield Entry(f"clock-{shape.name}", "clocked", f"clocked-{half}", shape.what, half, (),
                    lambda writer, _voices, s=shape: clocked.write(writer, s, 1, GENERATED_S), clocked_label(shape), how="generated",
                    profiles=("wired", "wifi", "lte", "lossy"))


TABLE = tuple(itertools.chain(baresip_rows(), ffmpeg_rows(), sipp_rows(), webrtc_rows(), gstreamer_rows(), softphone_rows(), wrapped_rows(), ordinary_rows(),
                              clocked_rows(), hidden_rows(), streamed_rows(), game_rows(), screen_rows(), quiet_rows()))
BY_NAME = {e.name: e for e in TABLE}
# A program in both halves would be calibrated on what it is checked with.
assert len({(e.program, e.half) for e in TABLE}) == len({e.program for e in TABLE})
assert len(BY_NAME) == len(TABLE)

# What the repository keeps of it (pcaps/bench): each kind, either half, and the profiles among them.
SMALL = (
    ("baresip-pcmu-20", "wifi"), ("baresip-pcma-30", "lte"), ("baresip-opus-24-vbr", "satellite"), ("baresip-opus-16-dtx", "wifi"),
    ("baresip-opus-48-vbr-10", "clean"), ("ffmpeg-opus-16-vbr-40", "lossy"), ("ffmpeg-speex-20", "wired"),
    ("linphone-g729", "wifi"), ("linphone-speex", "clean"), ("wrap-pad-200", "lte"), ("wrap-block-16", "wifi"),
    ("wrap-pad-700", "satellite"), ("sipp-pcma-ipv6", "drift"), ("webrtc-opus", "wifi"), ("webrtc-opus-dtx", "lte"),
    ("webrtc-video", "wired"), ("gst-speex-vbr-dtx", "wifi"), ("gst-amr-nb-20", "lossy"), ("gst-opus-cbr-60", "clean"),
    ("iaxmodem-ulaw", "satellite"), ("mumble-vad-20", "wifi"), ("mumble-20", "lte"), ("wrap-random-200", "wired"), ("wrap-box", "drift"),
    ("doom", "clean"), ("doom", "wifi"), ("teeworlds", "clean"), ("teeworlds", "lte"), ("datachannel-30", "wired"),
    ("iperf-50-172", "wifi"), ("camera-h264-low", "satellite"), ("radio-opus", "wired"), ("mosh", "lte"), ("bittorrent", "clean"),
    ("clock-even-50", "wifi"), ("clock-same-50", "wired"), ("clock-vary-33.33", "lte"), ("clock-walk-50", "wifi"),
    ("clock-poll-50", "lossy"), ("clock-uneven-64-128", "wired"),
    ("tcp-ws-speex", "clean"), ("tcp-tls-opus-20-over-wifi", "clean"), ("tcp-ssh-speex", "clean"), ("tcp-openvpn-tcp-phone", "clean"),
    ("tcp-wss-ticker-50-40-over-wifi", "clean"), ("tcp-openttd", "clean"),
)
