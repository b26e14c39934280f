# SPDX-License-Identifier: GPL-3.0-or-later
"""Games over TCP: clocks that are no voice. Each is a maker (lab, client, server), for bench_tcp.inside too."""
import os
import time

import world  # noqa: F401 first: it finds tools/lab
import bench_media
import bench_other
from bench_other import alive
from net import CLIENT4, SERVER4
from ordinary import folder

DUMMY = {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}

# -- OpenTTD: the server tells the client each tick of 30 ms that it has passed; what companies do goes in between.

TTD_PORT = 3979
TTD_CONFIG = """[network]
server_game_type = local
server_name = bench
client_name = player
[game_creation]
map_x = 7
map_y = 7
[difficulty]
max_no_competitors = 6
"""
TTD_COMPANIES = 4
TTD_AI = "ai/builder"
TTD_FILES = {
    "openttd.cfg": TTD_CONFIG,
    "scripts/game_start.scr": "start_ai Builder\n" * TTD_COMPANIES,
    f"{TTD_AI}/info.nut": """class Builder extends AIInfo {
	function GetAuthor() { return "squelch"; }
	function GetName() { return "Builder"; }
	function GetShortName() { return "SQBL"; }
	function GetDescription() { return "builds roads anywhere"; }
	function GetVersion() { return 1; }
	function GetDate() { return "2026-11-26"; }
	function GetAPIVersion() { return "13"; }
	function CreateInstance() { return "Builder"; }
}
RegisterAI(Builder());
""",
    f"{TTD_AI}/main.nut": """class Builder extends AIController {
	function Start() {
		AIRoad.SetCurrentRoadType(AIRoad.ROADTYPE_ROAD);
		while (true) {
			local at = AIBase.RandRange(AIMap.GetMapSize() - AIMap.GetMapSizeX() - 1);
			if (!AIRoad.BuildRoad(at, at + (AIBase.RandRange(2) ? 1 : AIMap.GetMapSizeX())))
				continue;
			if (AIBase.RandRange(4) == 0)
				AISign.BuildSign(at, "road " + at);
			AIController.Sleep(1 + AIBase.RandRange(40));
		}
	}
}
""",
}


def ttd(lab, role, *argv):
    """OpenTTD with a folder of its own for its settings and our computer player."""
    home = folder(lab, f"ttd-{role}")
    for name, text in TTD_FILES.items():
        os.makedirs(os.path.dirname(f"{home}/{name}"), exist_ok=True)
        with open(f"{home}/{name}", "w") as fh:
            fh.write(text)
    return lab.start(role, "/usr/games/openttd", *argv, "-x", "-c", f"{home}/openttd.cfg", "-s", "null", "-m", "null", cwd=home,
                     env={**os.environ, **DUMMY, "HOME": home})


def openttd(lab, _client=CLIENT4, server=SERVER4):
    host = ttd(lab, "server", "-D", f"0.0.0.0:{TTD_PORT}")
    lab.wait_port("server", TTD_PORT)
    lab.wait("a map", 40, lambda: "Map generated" in lab.said(host))
    player = ttd(lab, "client", "-n", f"{server}:{TTD_PORT}", "-v", "sdl", "-b", "8bpp-simple", "-r", "320x240")
    time.sleep(bench_media.TALK_S + 5)
    alive(lab, player)


# -- BZFlag where no datagram passes: it falls back to TCP

BZ_PORT = 5154


def bzflag(lab, _client=CLIENT4, server=SERVER4):
    lab.run("server", "iptables", "-A", "INPUT", "-p", "udp", "--dport", str(BZ_PORT), "-j", "DROP")
    lab.start("server", "/usr/games/bzfs", "-p", str(BZ_PORT), "-mp", "10", "+r", "-ms", "5")
    lab.wait_port("server", BZ_PORT)
    bench_other.play(lab, lambda role, home: ("/usr/games/bzflag", "-window", "320x240", "-solo", "3", f"{role}@{server}:{BZ_PORT}"),
                     ("client",), 15)


# -- Freeciv: everybody moves at once, a turn every few seconds

CIV_PORT = 5556
CIV_RULES = "set aifill 6\nset minplayers 0\nset timeout 4\nset phasemode all\nset endspaceship disabled\n"


def nobody(lab, *argv):
    """`argv` as who owns nothing: some programs refuse to run as root."""
    os.chmod(lab.dir, 0o755)
    return ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *argv)


def freeciv(lab, _client=CLIENT4, server=SERVER4):
    homes = [folder(lab, f"civ-{role}") for role in ("server", "client")]
    for home in homes:
        os.chmod(home, 0o777)
    read, write = os.pipe()
    host = lab.start("server", *nobody(lab, "/usr/games/freeciv-server", "--port", str(CIV_PORT), "--read", lab.write("civ.serv", CIV_RULES)),
                     stdin=read, cwd=homes[0], env={**os.environ, "HOME": homes[0]})
    os.close(read)
    lab.wait_port("server", CIV_PORT)
    with bench_other.screen(lab, "client", bench_other.display_number("client")) as env:
        player = lab.start("client", *nobody(lab, "/usr/games/freeciv-gtk3.22", "--autoconnect", "--name", "client", "--server", server,
                                             "--port", str(CIV_PORT)), cwd=homes[1], env={**env, "HOME": homes[1]})
        lab.wait("the player", 40, lambda: "client has connected" in lab.said(host))
        os.write(write, b"start\n")
        time.sleep(bench_media.TALK_S + 4)
        alive(lab, host, player)
    os.close(write)
