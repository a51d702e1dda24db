# SPDX-License-Identifier: Apache-2.0
"""As much of a Kubernetes API server as an agent needs to be content: one node, pods and ConfigMaps that are listed
and watched (a bookmark a second). What a server can do wrong is the matter of tests/integration."""
import http.server
import json
import threading
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        resource = url.path.rsplit("/", 1)[-1]
        found = self.server.objects.get(resource)
        if "/nodes/" in url.path:
            self.answer({"apiVersion": "v1", "kind": "Node", **self.server.node})
        elif found is None:
            self.answer({"kind": "Status", "apiVersion": "v1", "code": 404, "message": "not found"}, 404)
        elif "watch" in query:
            self.watch(found)
        else:
            self.answer({"apiVersion": "v1", "kind": found["kind"] + "List", "metadata": {"resourceVersion": "7"},
                         "items": self.selected(found["items"], query)})

    @staticmethod
    def selected(items, query):
        label = query.get("labelSelector", [""])[0].partition("=")
        return [i for i in items if not label[0] or i["metadata"].get("labels", {}).get(label[0]) == label[2]]

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def watch(self, found):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        line = json.dumps({"type": "BOOKMARK", "object": {
            "apiVersion": "v1", "kind": found["kind"], "metadata": {"resourceVersion": "7"}}}).encode() + b"\n"
        try:
            while not self.server.ending.wait(1):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
        except OSError:
            pass  # the agent went away
        self.close_connection = True

    def log_message(self, *_):
        pass


class Api(http.server.ThreadingHTTPServer):
    """with Api(config_maps, pods) as api: api.url answers."""
    daemon_threads = True

    def __init__(self, config_maps, pods):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ending = threading.Event()
        self.node = {"metadata": {"name": "n1", "labels": {}}, "spec": {}, "status": {"nodeInfo": {
            "operatingSystem": "linux", "containerRuntimeVersion": "containerd://1.7.13"}}}
        self.objects = {"configmaps": {"kind": "ConfigMap", "items": config_maps}, "pods": {"kind": "Pod", "items": pods}}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.shutdown()
        self.server_close()
