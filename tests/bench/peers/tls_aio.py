"""Python's asyncio over its ssl, by protocols. tls_aio.py tls PORT CERT KEY"""

import asyncio
import ssl
import sys


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def main(port, cert, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, ssl=context, backlog=4096)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[2]), *sys.argv[3:]))
