# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule about a role inside Skype, live: a super node is slowed down, a client that is asked by few is not."""
import concurrent.futures
import json
import os
import sys

import net
from net import LabError
from world import HERE, gateway, world

PORT = 35990
SECONDS, SETTLED = 7, 3  # of asking; from when on every stranger has asked and the rules know
LATE_S = 20             # the strangers may begin to ask so late; then the node is ended
RATE = 20000             # bytes of payload a second that the node would send
CAP = 5000               # of the rule, per inside host, in bytes of IP packets
FEW, MANY = 8, 26        # strangers; a super node has 20
RULES = f'limit {CAP // 1000}kB/s any app skype role supernode reason "no super nodes"\n'
SCRIPT = os.path.join(HERE, "skype_ends.py")


def addresses(n):
    return [f"198.51.100.{100 + i}" for i in range(n)]


def rate_of(lab, n):
    """Bytes of payload a second that reach n strangers, once all of them have asked."""
    for address in addresses(n):
        net.run("ip", "-n", lab.ns("server"), "addr", "add", f"{address}/24", "dev", "eth0")
    node = lab.start("client", sys.executable, SCRIPT, "node", net.CLIENT4, str(PORT), f"{net.SERVER4}:4000",
                     str(SECONDS + LATE_S), str(RATE))
    got = json.loads(lab.run("server", sys.executable, SCRIPT, "strangers", net.CLIENT4, str(PORT), str(SECONDS), *addresses(n)))
    lab.stop(node)
    return sum(got[SETTLED:]) / (SECONDS - SETTLED)


def asked(squelch, n):
    """The rate of a node that n strangers ask, after what squelch says of it was checked."""
    with world() as lab, gateway(lab, squelch, RULES) as g:
        rate = rate_of(lab, n)
        g.stop()
        told = [e["audit"]["host"] for e in g.events("audit") if e["audit"]["kind"] == "supernode"]
        limited = any(e["verdict"]["action"] == "limit" for e in g.events("voip"))
    if (told == [net.CLIENT4]) != (n == MANY) or limited != (n == MANY):
        raise LabError(f"asked by {n}: super nodes told: {told}, limited: {limited}")
    return rate


def supernode(squelch):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        rates = dict(zip((FEW, MANY), pool.map(lambda n: asked(squelch, n), (FEW, MANY))))
    if rates[FEW] < 0.8 * RATE or not 0.3 * CAP < rates[MANY] <= CAP:
        raise LabError(f"payload bytes a second: {rates}")
    return f"asked by {FEW}: {rates[FEW] / 1000:.1f} kB/s; by {MANY}: {rates[MANY] / 1000:.1f} kB/s of payload"


TABLE = (
    ("supernode", supernode, True),
)
