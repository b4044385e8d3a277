"""A Chromium without a window, driven over a pipe."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time


class Browser:
    def __init__(self, width=1280, height=900):
        named = [os.environ.get("MEMPROF_CHROMIUM"), *map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))]
        self.home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        (in_read, self.to), (self.answers, out_write) = os.pipe(), os.pipe()
        # The browser reads from 3 and writes to 4.
        command = (f"exec 3<&{in_read} 4>&{out_write}; exec {next(filter(None, named))} --headless --no-sandbox --disable-gpu "
                   f"--no-first-run --hide-scrollbars --remote-debugging-pipe --user-data-dir={self.home.name} about:blank")
        self.process = subprocess.Popen(["bash", "-c", command], pass_fds=(in_read, out_write), stderr=subprocess.DEVNULL)
        os.close(in_read)
        os.close(out_write)
        self.rest, self.last, self.session = b"", 0, None
        self.complaints = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.window(width, height)

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                self.rest += os.read(self.answers, 1 << 20)
            text, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(answer["params"])[:500])
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def window(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def dark(self, dark):
        value = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def open(self, url, ready="true"):
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        self.until(f"location.href !== 'about:blank' && document.readyState === 'complete' && ({ready})")

    def eval(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression, patience=120):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                if self.eval(f"Boolean({expression})"):
                    return
            except RuntimeError:
                pass  # the page is going
            time.sleep(0.02)
        raise RuntimeError(f"never: {expression} {self.complaints}")

    def paint(self):
        """Milliseconds to the first paint of content."""
        entry = "performance.getEntriesByName('first-contentful-paint')[0]"
        self.until(entry)
        return self.eval(f"{entry}.startTime")

    def drag(self, places):
        for kind, (x, y) in zip(["mousePressed"] + ["mouseMoved"] * (len(places) - 2) + ["mouseReleased"], places):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def picture(self, path, whole=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.home.cleanup()
