"""Python's asyncio, by its protocols, which are its fast way. aio.py echo|idle|stream|fanout|udp PORT"""

import asyncio
import sys

BLOCK = bytes((i * 31 + (i >> 8) * 17) & 255 for i in range(65536))


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


class Stream(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.writing = True
        self.resume_writing()

    def pause_writing(self):
        self.writing = False

    def resume_writing(self):
        self.writing = True
        asyncio.get_running_loop().call_soon(self.send)

    def send(self):
        if self.writing and not self.transport.is_closing():
            self.transport.write(BLOCK)
            if self.writing:
                asyncio.get_running_loop().call_soon(self.send)


class Member(asyncio.Protocol):
    room = set()

    def connection_made(self, transport):
        self.transport = transport
        self.part = b""
        self.room.add(transport)
        transport.write(b"hello\n")

    def connection_lost(self, why):
        self.room.discard(self.transport)

    def data_received(self, data):
        whole, end, self.part = (self.part + data).rpartition(b"\n")
        for member in self.room:
            if member is not self.transport:
                member.write(whole + end)


class UDPEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(data, peer)


async def main(mode, port):
    loop, at = asyncio.get_running_loop(), ("127.0.0.1", port)
    if mode == "udp":
        await loop.create_datagram_endpoint(UDPEcho, local_addr=at)
        await loop.create_future()
    protocol = {"echo": Echo, "idle": Echo, "stream": Stream, "fanout": Member}[mode]
    await (await loop.create_server(protocol, *at, backlog=4096)).serve_forever()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
