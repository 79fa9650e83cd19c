"""Python's asyncio, by its protocols, which are its fast way. aio.py echo|stream PORT"""

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


async def main(mode, port):
    protocol = {"echo": Echo, "stream": Stream}[mode]
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
