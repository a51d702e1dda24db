# SPDX-License-Identifier: Apache-2.0
"""--web.config.file of a real agent: TLS, client certificates by path, files read again when they change."""
import os
import ssl
import subprocess
import time
import unittest
import urllib.error
import warnings

import live

CONFIG = """tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_ca_file: ca.crt
  client_auth_type: RequireAndVerifyClientCert
"""


class TlsNode(live.Node):
    def __init__(self):
        super().__init__("--web.config.file={path}/web/web.yaml")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.path / "web", check=True, capture_output=True, timeout=60)

    def sign(self, name, issuer, serial, *extra):
        """NAME.key and NAME.crt, signed by ISSUER."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.csr", "-addext", "subjectAltName=IP:127.0.0.1")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.crt", "-CAkey", f"{issuer}.key",
                     "-days", "1", "-set_serial", str(serial), "-copy_extensions", "copy", "-out", f"{name}.new", *extra)
        os.rename(self.path / "web" / f"{name}.new", self.path / "web" / f"{name}.crt")

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                     "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")

    def prepare(self):
        self.write("web/web.yaml", CONFIG)
        for name in ("ca", "other"):
            self.authority(name)
        self.sign("server", "ca", 10)
        self.sign("client", "ca", 20)
        self.sign("stranger", "other", 30)
        self.tls = self.client()

    def client(self, name=None):
        context = ssl.create_default_context(cafile=str(self.path / "web" / "ca.crt"))
        if name:
            context.load_cert_chain(self.path / "web" / f"{name}.crt", self.path / "web" / f"{name}.key")
        return context

    def serial(self):
        host, port = self.address.rsplit(":", 1)
        pem = ssl.get_server_certificate((host, int(port)), timeout=5)
        out = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, text=True,
                             check=True).stdout
        return int(out.strip().split("=")[1], 16)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(TlsNode())

    def test_health_needs_no_client_certificate_everything_else_does(self):
        for path in ("/livez", "/readyz", "/healthz"):
            self.assertEqual(self.node.get(path)[0], 200)
        for path in ("/", "/metrics", "/nowhere"):
            self.assertEqual(self.node.get(path), (403, "a client certificate is needed here\n"))

    def test_a_client_that_the_authority_vouches_for_sees_everything(self):
        self.assertEqual(self.node.get("/metrics", self.node.client("client"))[0], 200)
        self.assertEqual(self.node.get("/", self.node.client("client"))[0], 200)

    def test_a_certificate_of_another_authority_ends_the_handshake(self):
        for path in ("/metrics", "/livez"):
            with self.assertRaises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
                self.node.get(path, self.node.client("stranger"))

    def test_plain_text_and_old_tls_get_no_answer(self):
        with self.assertRaises((urllib.error.URLError, ConnectionError)):
            self.plain()
        old = self.node.client()
        with warnings.catch_warnings(action="ignore"):
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
            self.node.get("/livez", old)

    def plain(self):
        context, self.node.tls = self.node.tls, None
        try:
            return self.node.get("/livez")
        finally:
            self.node.tls = context

    def wait_for(self, condition):
        end = time.monotonic() + 15
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.2)

    def metric(self):
        text = self.node.get("/metrics", self.node.client("client"))[1]
        (line,) = [l for l in text.splitlines() if l.startswith("seccompd_config_last_reload_successful ")]
        return line.split()[1]

    def test_new_files_are_taken_and_bad_ones_leave_the_last_good_in_force(self):
        self.assertEqual(self.metric(), "1")
        self.node.sign("server", "ca", 11)
        self.wait_for(lambda: self.node.serial() == 11)
        self.node.write("web/web.yaml", "basic_auth_users: {a: b}\n")
        self.wait_for(lambda: self.metric() == "0")
        self.assertEqual(self.node.get("/metrics")[0], 403)
        self.assertIn("'basic_auth_users' is not supported", self.node.log())
        self.node.write("web/web.yaml", "{}\n")  # turning TLS off by a change: not done
        self.wait_for(lambda: self.node.get("/livez") and "TLS ends only with a restart" in self.node.log())
        self.assertEqual(self.node.get("/livez")[0], 200)
        self.node.write("web/web.yaml", CONFIG)
        self.wait_for(lambda: self.metric() == "1")

    def test_an_agent_with_a_bad_file_does_not_start(self):
        bad = self.node.path / "bad.yaml"
        (self.node.path / "seccomp2").mkdir()
        bad.write_text("tls_server_config: {cert_file: nope.crt, key_file: nope.key}\n")
        run = subprocess.run([live.BINARY, "run", f"--source=dir:{self.node.path}/profiles",
                              f"--seccomp-root={self.node.path}/seccomp2", f"--path.cgroupfs={self.node.path}/cgroup",
                              f"--web.config.file={bad}", f"--socket={self.node.path}/run2/agent.sock", "--web.listen-address=127.0.0.1:0"],
                             capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(run.returncode, 2)
        self.assertIn("nope.crt: cannot be read", run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=0)
