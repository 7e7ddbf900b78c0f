import asyncio
import contextlib
import importlib.util
import io
import json
import pathlib
import unittest

path = pathlib.Path(__file__).parents[1] / "rootfs/opt/modelport/egress.py"
spec = importlib.util.spec_from_file_location("egress", path)
egress = importlib.util.module_from_spec(spec)
spec.loader.exec_module(egress)
ip_network = egress.ipaddress.ip_network


class Policy(unittest.TestCase):
    def setUp(self):
        self.kept = egress.POLICY, egress.ALLOW_HOSTS, egress.ALLOW_NETS

    def tearDown(self):
        egress.POLICY, egress.ALLOW_HOSTS, egress.ALLOW_NETS = self.kept

    def test_only_public_addresses(self):
        for address in (
            "127.0.0.1 169.254.169.254 10.0.0.1 172.16.5.4 192.168.1.1 100.100.100.200 0.0.0.0 224.0.0.1 255.255.255.255 "
            "::1 :: fe80::1 fd00:ec2::254 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: ff02::1"
        ).split():
            self.assertFalse(egress.address_allowed(address), address)
        for address in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"):
            self.assertTrue(egress.address_allowed(address), address)

    def test_networks_of_the_operator(self):
        egress.ALLOW_NETS = [ip_network("10.1.2.3/32")]
        self.assertTrue(egress.address_allowed("10.1.2.3"))
        self.assertFalse(egress.address_allowed("10.1.2.4"))

    def test_package_hosts_exact_or_below(self):
        egress.POLICY, egress.ALLOW_HOSTS = "packages", ["one.example", ".two.example"]
        for host in ("one.example", "two.example", "a.b.two.example"):
            self.assertTrue(egress.host_allowed(host), host)
        for host in ("a.one.example", "xtwo.example", "two.example.evil", ""):
            self.assertFalse(egress.host_allowed(host), host)

    def test_targets(self):
        parse = egress.parse_target
        self.assertEqual(parse("CONNECT", "A.example:443"), ("a.example", 443, None))
        self.assertEqual(parse("GET", "http://a.example/x?y=1"), ("a.example", 80, "/x?y=1"))
        self.assertEqual(parse("GET", "http://a.example:443?q"), ("a.example", 443, "/?q"))
        for method, target in (
            ("CONNECT", "a.example:22"),
            ("CONNECT", "user@a.example:443"),
            ("CONNECT", "a.example:443/x"),
            ("GET", "/local"),
            ("GET", "https://a.example/"),
            ("GET", "file:///etc/passwd"),
            ("GET", "http://user:word@a.example/"),
            ("GET", "http://a.example:8080/"),
            ("GET", "http:///x"),
            ("GET", "http://a.example:99999/"),
        ):
            with self.assertRaises(egress.Refused, msg=target):
                parse(method, target)


class Serving(unittest.IsolatedAsyncioTestCase):
    """A proxy and an origin on loopback, which counts as public here."""

    async def asyncSetUp(self):
        self.kept = egress.ALLOW_NETS, egress.PORTS, egress.MAX_CLIENT_BYTES
        egress.clients.clear()
        self.seen = []
        self.origin = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        self.proxy = await asyncio.start_server(egress.handle, "127.0.0.1", 0)
        self.port = self.origin.sockets[0].getsockname()[1]
        egress.ALLOW_NETS, egress.PORTS = [ip_network("127.0.0.0/8")], (self.port,)

    async def asyncTearDown(self):
        egress.ALLOW_NETS, egress.PORTS, egress.MAX_CLIENT_BYTES = self.kept
        self.origin.close()
        self.proxy.close()

    async def answer(self, reader, writer):
        self.seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000)
        await writer.drain()
        writer.close()

    async def ask(self, request):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            reader, writer = await asyncio.open_connection(*self.proxy.sockets[0].getsockname())
            writer.write(request.encode())
            said = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            for _ in range(100):
                if out.getvalue().endswith("\n"):
                    break
                await asyncio.sleep(0.02)
        return said.decode(), json.loads(out.getvalue())

    async def test_passes_one_request_without_its_proxy_headers(self):
        request = "GET http://127.0.0.1:%d/x HTTP/1.1\r\nHost: evil\r\nProxy-Authorization: y\r\nConnection: keep-alive\r\nA: b\r\n\r\n"
        said, line = await self.ask(request % self.port)
        self.assertTrue(said.startswith("HTTP/1.1 200"))
        self.assertIn("GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nA: b\r\nConnection: close" % self.port, self.seen[0])
        self.assertNotIn("evil", self.seen[0])
        self.assertEqual((line["status"], line["host"]), ("done", "127.0.0.1"))
        self.assertGreater(line["in"], 100000)

    async def test_tunnels(self):
        said, line = await self.ask("CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\n\r\n" % self.port)
        self.assertIn("Connection established", said)
        self.assertIn("200 OK", said)
        self.assertEqual(line["status"], "done")

    async def test_refuses_a_private_address_by_name(self):
        egress.ALLOW_NETS = []
        said, line = await self.ask("GET http://localhost:%d/ HTTP/1.1\r\n\r\n" % self.port)
        self.assertTrue(said.startswith("HTTP/1.1 403"))
        self.assertEqual((line["status"], self.seen), ("refused", []))

    async def test_ends_a_client_that_used_up_its_bytes(self):
        egress.MAX_CLIENT_BYTES = 50_000
        request = "GET http://127.0.0.1:%d/ HTTP/1.1\r\n\r\n" % self.port
        said, line = await self.ask(request)
        self.assertLess(len(said), 100_000)
        self.assertEqual(line["reason"], "byte limit of this build reached")
        said, line = await self.ask(request)
        self.assertTrue(said.startswith("HTTP/1.1 403"))

    async def test_survives_rubbish(self):
        for request in ("\r\n\r\n", "GET\r\n\r\n", "GET http://[::1 HTTP/1.1\r\n\r\n", "\x80\r\n\r\n"):
            said, line = await self.ask(request)
            self.assertIn(line["status"], ("failed", "refused"))
            self.assertRegex(said, "^HTTP/1.1 (403|502)")


if __name__ == "__main__":
    unittest.main()
