"""Opens many streams of events, and tells how late each was told that a deployment
succeeded: streams.py URL TOKEN HOW_MANY FILE; FILE is made when all are open."""

import asyncio
import json
import pathlib
import sys
import time
from datetime import datetime, timezone
from urllib.parse import urlsplit

url, token, count, ready = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
place = urlsplit(url)


def seconds(moment):
    """Since 1970, of a time such as 2026-01-31T12:00:00.123Z."""
    whole, _, part = moment.rstrip("Z").partition(".")
    since = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp()
    return since + float(f"0.{part or 0}")


async def follow(number, opened):
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = [
        "GET /api/v1/events HTTP/1.1",
        f"Host: {place.netloc}",
        f"Authorization: Bearer {token}",
        f"X-Forwarded-For: 10.0.{number // 250}.{number % 250}",
        "Accept: text/event-stream",
        "",
        "",
    ]
    writer.write("\r\n".join(head).encode())
    status = await reader.readline()
    assert b" 200 " in status, status
    while (await reader.readline()).strip():
        pass
    opened.release()
    while True:
        line = await reader.readline()
        assert line, "the stream ended"
        if line.startswith(b"data:"):
            told = json.loads(line[5:])
            if told["kind"] == "succeeded":
                writer.close()
                return time.time() - seconds(told["at"])


async def main():
    opened = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(follow(number, opened)) for number in range(count)]
    for _ in range(count):
        await asyncio.wait_for(opened.acquire(), 60)
    pathlib.Path(ready).touch()
    ends = await asyncio.wait_for(asyncio.gather(*tasks), 120)
    late = sorted(seconds * 1000 for seconds in ends)
    print(
        f"told after: median {late[len(late) // 2]:.0f} ms,"
        f" p99 {late[len(late) * 99 // 100]:.0f} ms, at most {late[-1]:.0f} ms"
    )


asyncio.run(main())
