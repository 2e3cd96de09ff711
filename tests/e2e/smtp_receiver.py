"""A real SMTP server for the tests. Prints one JSON line for each event on standard output.

    {"event": "listening", "port": 2525}
    {"event": "mail", "message_id": …, "subject": …, "text": …, "html": …, "attachments": […], …}
    {"event": "refused", "stage": "rcpt" | "data", "reply": …}

Addresses that start with "bounce" are refused for good (550); --refuse-first N refuses the first N mails for
now (451), after having read them, as a server does that cannot store a mail.
"""

import argparse
import asyncio
import hashlib
import json
import signal
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP


def say(event: str, **details: object) -> None:
    print(json.dumps({"event": event, **details}), flush=True)


def describe(envelope) -> dict:
    """What the tests compare: the decoded parts, never the encoding chosen for them."""
    mail = message_from_bytes(envelope.content, policy=policy.default)
    text, html, attachments = None, None, []
    for part in mail.walk():
        if part.is_multipart():
            continue
        content = part.get_content()
        if part.get_content_disposition() in ("attachment", "inline"):
            raw = content.encode() if isinstance(content, str) else content
            attachments.append(
                {
                    "name": part.get_filename(),
                    "content_type": part.get_content_type(),
                    "disposition": part.get_content_disposition(),
                    "content_id": part.get("Content-ID"),
                    "bytes": len(raw),
                    "sha256": hashlib.sha256(raw).hexdigest(),
                }
            )
        elif part.get_content_type() == "text/plain" and text is None:
            text = content
        elif part.get_content_type() == "text/html" and html is None:
            html = content
    return {
        "envelope_from": envelope.mail_from,
        "envelope_to": envelope.rcpt_tos,
        "message_id": mail["Message-ID"],
        "subject": mail["Subject"],
        "from": mail["From"],
        "to": mail["To"],
        "headers": {name.lower(): str(value) for name, value in mail.items()},
        "content_type": mail.get_content_type(),
        "text": text,
        "html": html,
        "attachments": attachments,
    }


class Receiver:
    def __init__(self, refuse_first: int) -> None:
        self.refusals_left = refuse_first

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if address.startswith("bounce"):
            reply = "550 5.1.1 no such mailbox"
            say("refused", stage="rcpt", reply=reply, address=address)
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:
        if self.refusals_left > 0:
            self.refusals_left -= 1
            reply = "451 4.3.0 try again later"
            say("refused", stage="data", reply=reply, **describe(envelope))
            return reply
        say("mail", **describe(envelope))
        return "250 2.0.0 accepted"


async def serve(port: int, refuse_first: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    receiver = Receiver(refuse_first)
    server = await loop.create_server(
        lambda: SMTP(receiver, hostname="receiver.test", loop=loop), "127.0.0.1", port
    )
    say("listening", port=server.sockets[0].getsockname()[1])
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--refuse-first", type=int, default=0, metavar="N")
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.refuse_first))
    sys.exit(0)


if __name__ == "__main__":
    main()
