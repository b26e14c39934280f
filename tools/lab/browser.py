# SPDX-License-Identifier: GPL-3.0-or-later
"""Headless Chromium, driven over its DevTools pipe (file descriptors 3 and 4)."""
import json
import os
import select
import time

from net import LabError

SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--remote-debugging-pipe",
    # The browser's own errands would be in the capture.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE_S = 30


class Browser:
    """One browser with one page in namespace `role`."""

    def __init__(self, lab, role, page, *switches):
        to_child, self.out = os.pipe()
        self.inp, from_child = os.pipe()

        def plumb():
            # Moved out of the way first: one of the two may be number 3 or 4 already.
            r, w = os.dup(to_child), os.dup(from_child)
            r2, w2 = os.dup(r), os.dup(w)
            os.dup2(r2, 3)
            os.dup2(w2, 4)
            for fd in (3, 4):
                os.set_inheritable(fd, True)

        profile = lab.path(f"profile-{role}-{time.monotonic_ns()}")
        self.process = lab.start(role, "chromium", *SWITCHES, *switches, f"--user-data-dir={profile}", "about:blank",
                                 preexec_fn=plumb, close_fds=False, env={**os.environ, "HOME": lab.dir})
        os.close(to_child)
        os.close(from_child)
        self.lab, self.number, self.buffer = lab, 0, b""
        target = self.call("Target.createTarget", url=f"file://{page}")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        end = time.monotonic() + PATIENCE_S
        while not self.js("document.readyState == 'complete' && typeof call == 'object'"):
            if time.monotonic() > end:
                raise LabError("the page does not load")
            time.sleep(0.1)

    def _message(self, end):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.inp], [], [], max(0, end - time.monotonic()))
            data = os.read(self.inp, 65536) if ready else b""
            if not data:
                raise LabError(f"chromium does not answer, see {self.process.log}")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE_S
        while True:
            answer = self._message(end)
            if answer.get("id") == self.number:
                break
        if "error" in answer:
            raise LabError(f"{method}: {answer['error']}")
        return answer["result"]

    def js(self, expression):
        """Value of an expression in the page, awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise LabError(str(answer["exceptionDetails"])[:400])
        return answer["result"].get("value")

    def close(self):
        self.lab.stop(self.process)
        os.close(self.out)
        os.close(self.inp)
