# SPDX-License-Identifier: Apache-2.0
"""The status page of a real agent in headless Chromium: it renders without script, fits a phone, follows the
system's dark mode. SECCOMPD_SCREENSHOTS names a folder to keep the pictures in."""
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest
import zlib

import live

CHROMIUM = "/usr/bin/chromium"


def chromium(*arguments):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             f"--user-data-dir={profile}", *arguments], capture_output=True, timeout=90, check=False)


def pixels(png):
    """Width, height and rows of RGB(A) bytes of an 8-bit PNG without interlace (RFC 2083)."""
    at, data, header = 8, b"", None
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + length]
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    width, height, depth, colour = header[:4]
    assert depth == 8 and colour in (2, 6) and header[6] == 0, header
    size = 3 if colour == 2 else 4
    raw, rows, previous = zlib.decompress(data), [], bytes(width * size)
    for y in range(height):
        line = bytearray(raw[y * (width * size + 1) + 1:(y + 1) * (width * size + 1)])
        unfilter(raw[y * (width * size + 1)], line, previous, size)
        rows.append(bytes(line))
        previous = line
    return width, height, rows, size


def unfilter(kind, line, above, size):
    for i, value in enumerate(line):
        left = line[i - size] if i >= size else 0
        up = above[i]
        corner = above[i - size] if i >= size else 0
        if kind == 1:
            value += left
        elif kind == 2:
            value += up
        elif kind == 3:
            value += (left + up) // 2
        elif kind == 4:
            estimate = left + up - corner
            value += min((left, up, corner), key=lambda p: abs(estimate - p))
        line[i] = value & 255


def background(png):
    _, _, rows, size = pixels(png)
    return tuple(rows[2][2 * size:2 * size + 3])


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(live.ClusterNode("--web.detail"))
        cls.node.wait(lambda: "not_enforced" in cls.node.get("/")[1], "no finding appears on the page")
        cls.keep = os.environ.get("SECCOMPD_SCREENSHOTS")

    def screenshot(self, name, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(self.keep or folder) / f"{name}.png"
            run = chromium(f"--screenshot={path}", *arguments, f"http://{self.node.address}/")
            self.assertTrue(path.exists(), run.stderr[-1500:])
            return path.read_bytes()

    def dom(self, address, *arguments):
        run = chromium("--dump-dom", *arguments, address)
        self.assertEqual(run.returncode, 0, run.stderr[-1500:])
        return run.stdout.decode()

    def test_a_browser_that_may_run_no_script_shows_every_part(self):
        dom = self.dom(f"http://{self.node.address}/")
        for part in ("shop/pay-0/app", "not_enforced", "web/pay.json", "web/bad.json", "unknown action", "n1", "af-alg (pages)",
                     "configmaps", "Opened again"):
            self.assertIn(part, dom)
        self.assertNotIn("<script", dom)

    def test_it_fits_a_phone(self):
        # A frame of 360 pixels in a page of the test's own, which asks the framed page for its width.
        page = (f"<!doctype html><iframe id=f width=360 height=800 srcdoc='x'></iframe><p id=out></p><script>"
                f"fetch('page.html').then(r=>r.text()).then(t=>{{f.srcdoc=t.replace(/<meta http-equiv[^>]*>/,'');"
                f"f.onload=()=>{{out.textContent='width '+f.contentDocument.documentElement.scrollWidth}}}})</script>")
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "page.html").write_text(self.node.get("/")[1])
            (pathlib.Path(folder) / "frame.html").write_text(page)
            dom = self.dom(f"file://{folder}/frame.html", "--allow-file-access-from-files",
                           "--virtual-time-budget=3000")
        self.assertIn("width 360", dom.replace("width=", ""))

    def test_it_is_light_by_default_and_dark_where_the_system_is(self):
        light = self.screenshot("light", "--window-size=1200,1400")
        dark = self.screenshot("dark", "--window-size=1200,1400",
                               "--blink-settings=preferredColorScheme=0")
        self.screenshot("phone", "--window-size=400,1600")
        self.assertEqual(background(light), (255, 255, 255))
        self.assertEqual(background(dark), (0x0D, 0x11, 0x17))


if __name__ == "__main__":
    unittest.main(verbosity=0)
