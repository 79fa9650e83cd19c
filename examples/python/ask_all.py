# Beside ../ask_all.c: asking many at once.

import asyncio, sys


async def ask(host, port):
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"hello\n")
        line = (await reader.readline()).decode()
        writer.close()
        print(f"{host}:{port}: {line}", end="")
    except OSError as e:
        print(f"{host}:{port}: {e}")


async def ask_all():
    async with asyncio.timeout(2):
        async with asyncio.TaskGroup() as all_:
            for where in sys.argv[1:]:
                all_.create_task(ask(*where.split(":")))


if len(sys.argv) < 2:
    sys.exit(2)
try:
    asyncio.run(ask_all())
except TimeoutError:
    sys.exit(1)
