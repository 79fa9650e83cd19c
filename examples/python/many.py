# Beside ../../tests/contract/many.c: the first failure cancels the rest.

import asyncio, sys


async def ask(where):
    host, port = where.split(":")
    async with asyncio.timeout(2):
        reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"HEAD / HTTP/1.0\r\n\r\n")
    if line := (await reader.readline()).decode().rstrip():
        print(f"{where}  {line}")
    writer.close()


async def ask_all(urls):
    async with asyncio.TaskGroup() as all_:
        for url in urls:
            all_.create_task(ask(url))


if len(sys.argv) < 2:
    sys.exit(2)
try:
    asyncio.run(ask_all(sys.argv[1:]))
except* OSError:
    sys.exit(1)
