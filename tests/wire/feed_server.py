"""A provider of forecasts (the standard library's HTTP server) that fails in every way it is asked.

Usage: feed_server.py [CERTIFICATE_AND_KEY]. Prints its port. The path says what happens; /count/PATH
tells how often PATH was asked, /seen/PATH the headers and query of the last time, as text.
"""
import collections
import http.server
import ssl
import sys
import time

DOCUMENT = (b'{"issue":"2026-11-22T05:00:00Z","rows":['
            b'{"t":"2026-11-22T06:00:00Z","v":1},{"t":"2026-11-22T07:00:00Z","v":2}]}')
STAMP = "Sun, 22 Nov 2026 05:00:00 GMT"
HUGE = 5 << 20

counts = collections.Counter()
seen = {}


class Provider(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        name = path[1:]
        if name.startswith("count/"):
            return self.reply(200, str(counts[name[6:]]).encode())
        if name.startswith("seen/"):
            return self.reply(200, seen.get(name[5:], "").encode())
        counts[name] += 1
        seen[name] = f"{query}\n{self.headers}"
        return getattr(self, "do_" + name, self.do_missing)()

    def do_good(self):
        self.reply(200, DOCUMENT)

    def do_other(self):  # the same issue, other values, the second time
        self.reply(200, DOCUMENT.replace(b'"v":2', b'"v":%d' % counts["other"]))

    def do_etag(self):
        if self.headers.get("If-None-Match") == '"one"':
            return self.reply(304)
        return self.reply(200, DOCUMENT, ETag='"one"')

    def do_modified(self):
        if self.headers.get("If-Modified-Since") == STAMP:
            return self.reply(304)
        return self.reply(200, DOCUMENT.replace(b"issue", b"other"), Last_Modified=STAMP)

    def do_recovers(self):
        if counts["recovers"] <= 3:
            return self.reply(500)
        return self.reply(200, DOCUMENT)

    def do_busy(self):
        self.reply(429, Retry_After="3600")

    def do_closed(self):
        self.reply(401, self.headers.get("auth-token", "").encode())

    def do_missing(self):
        self.reply(404)

    def do_cut(self):
        self.reply(200, DOCUMENT[:40], length=len(DOCUMENT))

    def do_html(self):
        self.reply(200, b"<html>" + self.path.encode() + b"</html>", Content_Type="text/html")

    def do_echo(self):  # a provider that puts what it was asked into its answer
        self.reply(200, b'{"issue":"%s"}' % self.headers.get("auth-token", "").encode())

    def do_slow(self):
        time.sleep(3)
        self.reply(200, DOCUMENT)

    def do_drips(self):
        self.send_response(200)
        self.end_headers()
        for byte in DOCUMENT:
            self.wfile.write(bytes([byte]))
            time.sleep(0.2)

    def do_huge(self):  # without a length: it is only seen on the way
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b" " * HUGE)

    def do_circle(self):
        self.reply(302, Location="/circle")

    def do_once(self):
        self.reply(302, Location="/good")

    def do_file(self):
        self.reply(302, Location="file:///etc/hostname")


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # that clients go away is what is tested
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
