"""A web API of nothing but the standard library."""

import http.server
import json
import os
import socket
import urllib.parse


def database_answers():
    """Whether PostgreSQL is at the other end: it answers S or N to SSLRequest."""
    url = urllib.parse.urlparse(os.environ["DATABASE_URL"])
    with socket.create_connection((url.hostname, url.port), timeout=3) as connection:
        connection.sendall(bytes([0, 0, 0, 8, 4, 210, 22, 47]))
        return connection.recv(1) in (b"S", b"N")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        state = {}
        if self.path == "/state":
            state = {
                "greeting": os.environ["GREETING"],
                "token": os.environ["TOKEN"],
                "file": read("/etc/app/token"),
                "motd": read("/etc/app/motd"),
                "environment": os.environ["ESTIBA_ENVIRONMENT"],
                "database": database_answers(),
                "user": os.getuid(),
            }
        body = json.dumps(state).encode()
        self.send_response(200 if self.path in ("/state", "/health") else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Answer).serve_forever()
