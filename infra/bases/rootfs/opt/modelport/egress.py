"""The only way out of a build: an HTTP proxy that reaches public addresses on ports 80 and 443.

Environment:
  POLICY            `public` (any public address) or `packages` (only hosts of ALLOW_HOSTS)
  ALLOW_HOSTS       comma list; `example.org` is exact, `.example.org` is it and every name below it
  ALLOW_NETS        comma list of networks that count as public, for a mirror with a private address
  UPSTREAM          `host:port` of the operator's own proxy; names are then resolved and judged there
  MAX_CLIENT_BYTES  bytes, both ways together, that one client address may move
  CLIENT_SECONDS    after so long an address is a new client: longer than a build, because subnets come again
  PORT              port to listen on

One JSON line per request goes to stdout. Python's standard library only: every base image can run it.
"""

import asyncio
import ipaddress
import json
import os
import sys
import time
from urllib.parse import urlsplit

POLICY = os.environ.get("POLICY", "public")
ALLOW_HOSTS = [h.strip().lower() for h in os.environ.get("ALLOW_HOSTS", "").split(",") if h.strip()]
ALLOW_NETS = [ipaddress.ip_network(n.strip()) for n in os.environ.get("ALLOW_NETS", "").split(",") if n.strip()]
UPSTREAM = os.environ.get("UPSTREAM", "")
MAX_CLIENT_BYTES = int(os.environ.get("MAX_CLIENT_BYTES", 20 * 1024**3))
CLIENT_SECONDS = float(os.environ.get("CLIENT_SECONDS", 7200))
PORTS = (80, 443)
DROPPED_HEADERS = (b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"upgrade", b"host")

clients = {}  # address -> [first seen, bytes]


class Refused(Exception):
    """The request is not allowed; the reason goes into the answer and the log line."""


def host_allowed(host):
    """Says whether the policy lets anyone speak to this host name (lower case)."""
    if POLICY == "public":
        return True
    return any(host == a or (a.startswith(".") and (host == a[1:] or host.endswith(a))) for a in ALLOW_HOSTS)


def address_allowed(text):
    """Says whether a resolved address is public, or in a network that the operator named."""
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    if any(address in net for net in ALLOW_NETS if net.version == address.version):
        return True
    # An IPv6 address may carry an IPv4 one that a gateway would reach (6to4, Teredo, NAT64).
    carriers = address.version == 6 and (address.sixtofour or address.teredo or text.lower().startswith("64:ff9b:"))
    return address.is_global and not address.is_multicast and not carriers


def parse_target(method, target):
    """Splits a request target into (host, port, path); path is None for CONNECT."""
    if method == "CONNECT":
        url = urlsplit("//" + target)
        if url.path or url.query or url.fragment:
            raise Refused("bad target")
    else:
        url = urlsplit(target)
        if url.scheme != "http":
            raise Refused("only CONNECT and http:// are proxied")
    try:
        host, port = (url.hostname or "").rstrip("."), url.port or (80 if url.scheme else 443)
    except ValueError:
        raise Refused("bad port")
    if not host or "@" in url.netloc:
        raise Refused("no host, or credentials in the address")
    if port not in PORTS:
        raise Refused("port %d is not open" % port)
    path = None if method == "CONNECT" else (url.path or "/") + ("?" + url.query if url.query else "")
    return host.lower(), port, path


async def open_target(host, port):
    """Connects to a host: resolved once, judged, and connected to that same address."""
    if not host_allowed(host):
        raise Refused("host is not on the list of package hosts")
    loop = asyncio.get_running_loop()
    found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=1), 15)
    addresses = [entry[4][0] for entry in found]
    if not addresses or not all(address_allowed(a) for a in addresses):
        raise Refused("address is not public")
    return await asyncio.wait_for(asyncio.open_connection(addresses[0], port), 20), addresses[0]


async def open_upstream(host, port, connect):
    """Connects through the operator's proxy, which alone can resolve names there."""
    if not host_allowed(host):
        raise Refused("host is not on the list of package hosts")
    try:
        public = address_allowed(host)
    except ValueError:
        public = not host.endswith((".local", ".localhost", ".internal")) and "." in host
    if not public:
        raise Refused("address is not public")
    name, _, up_port = UPSTREAM.rpartition(":")
    reader, writer = await asyncio.wait_for(asyncio.open_connection(name, int(up_port)), 20)
    if connect:
        writer.write(b"CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (host.encode(), port, host.encode(), port))
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        if b" 200" not in answer.split(b"\r\n")[0]:
            raise Refused("the upstream proxy refused")
    return (reader, writer), UPSTREAM


def count(client, size):
    """Adds bytes to a client's account and ends its connection when that is used up."""
    now = time.monotonic()
    entry = clients.get(client)
    if entry is None or now - entry[0] > CLIENT_SECONDS:
        entry = clients[client] = [now, 0]
        for old in [c for c, e in clients.items() if now - e[0] > CLIENT_SECONDS]:
            del clients[old]
    entry[1] += size
    if entry[1] > MAX_CLIENT_BYTES:
        raise Refused("byte limit of this build reached")


async def pump(reader, writer, client, totals, side):
    """Copies one direction until its end."""
    while data := await asyncio.wait_for(reader.read(65536), 600):
        count(client, len(data))
        totals[side] += len(data)
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def handle(reader, writer):
    """Serves one connection, which carries one request."""
    client = writer.get_extra_info("peername")[0]
    line = {"client": client, "method": "", "host": "", "port": 0, "in": 0, "out": 0}
    started, out = time.monotonic(), None
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        first, *headers = head[:-4].split(b"\r\n")
        method, target, version = first.decode("ascii").split(" ")
        line["method"] = method[:20]
        count(client, len(head))
        host, port, path = parse_target(method, target)
        line["host"], line["port"] = host[:255], port
        opening = open_upstream(host, port, path is None) if UPSTREAM else open_target(host, port)
        (up_reader, out), line["address"] = await opening
        if path is None:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            kept = [h for h in headers if h.split(b":")[0].strip().lower() not in DROPPED_HEADERS]
            kept = [h for h in kept if not h[:1].isspace()]
            authority = host if port == 80 else "%s:%d" % (host, port)
            asked = "http://%s%s" % (authority, path) if UPSTREAM else path
            start = ("%s %s HTTP/1.1\r\nHost: %s" % (method, asked, authority)).encode()
            # One request per connection: a second one on the socket would pass without being judged.
            out.write(b"\r\n".join([start, *kept, b"Connection: close"]) + b"\r\n\r\n")
        ends = [pump(reader, out, client, line, "out"), pump(up_reader, writer, client, line, "in")]
        tasks = [asyncio.ensure_future(end) for end in ends]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await tasks[1]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        line["status"] = "done"
    except Refused as refused:
        line["status"], line["reason"] = "refused", str(refused)
        body = ("modelport egress: %s\n" % refused).encode()
        if out is None:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    except Exception as error:
        line["status"], line["reason"] = "failed", type(error).__name__
        if out is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    finally:
        line["seconds"] = round(time.monotonic() - started, 3)
        print(json.dumps(line), flush=True)
        for end in (writer, out):
            if end is not None:
                end.close()


async def main():
    """Listens until killed."""
    server = await asyncio.start_server(handle, "0.0.0.0", int(os.environ.get("PORT", 3128)), limit=65536)
    print(json.dumps({"status": "listening"}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
