"""A server of a language model that thinks, says a word, and goes on for a while.

    python streaming_model.py THINKS LASTS

It prints its port. ``THINKS`` are the seconds before the first word, ``LASTS`` those after it.
"""

import asyncio
import json
import sys

WORD = "yes"


def piece(delta, end=None):
    """A chunk of the chat completions API."""
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


async def answer(reader, writer, thinks, lasts):
    """Answers the requests of one connection."""
    first, rest = piece({"content": WORD}), piece({}, "stop") + b"data: [DONE]\n\n"
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: "
    try:
        while True:
            asked = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(asked.split(b"content-length:")[1].split(b"\r\n")[0]))
            await asyncio.sleep(thinks)
            writer.write(f"{head}{len(first + rest)}\r\n\r\n".encode() + first)
            await writer.drain()
            await asyncio.sleep(lasts)
            writer.write(rest)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(thinks, lasts):
    """Serves for ever."""

    async def connected(reader, writer):
        await answer(reader, writer, thinks, lasts)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=500)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*map(float, sys.argv[1:])))
