# Beside ../deadline.c: time-outs and deadlines.

import asyncio, socket, time


async def read_patiently(reader):
    async with asyncio.timeout(10):
        await reader.read(65536)


def main():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        s = socket.create_connection(silent.getsockname(), timeout=1)
        s.settimeout(0.2)
        try:
            s.recv(65536)
        except TimeoutError as e:
            print(f"time-out: {e} after {time.monotonic() - start:.1f} s")
        asyncio.run(hurry(s))


async def hurry(s):
    reader, writer = await asyncio.open_connection(sock=s)
    start = time.monotonic()
    try:
        async with asyncio.timeout(0.3):
            await read_patiently(reader)
    except TimeoutError as e:
        print(f"deadline: {e} after {time.monotonic() - start:.1f} s")
    writer.close()


main()
