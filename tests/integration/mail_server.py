# SPDX-License-Identifier: Apache-2.0
"""SMTP servers (aiosmtpd) on free loopback ports, for tests of tasks that send mail. What they take is in http_server.hooks
under "mail"."""
import email
import email.policy
import ssl
import sys

import http_server

sys.path.append("/usr/lib/python3/dist-packages")  # of Debian, also for another interpreter that comes first in PATH

USER, PASSWORD = b"robot", b"correct horse"


class Taker:
    """Keeps every mail as {from, to, subject, …, parts: [{type, name, id, text}]}; an address of `nobody` is refused."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [{"type": part.get_content_type(), "name": part.get_filename(), "id": part["Content-ID"],
                  "bytes": list(part.get_payload(decode=True)[:8]) if part.get_filename() else None,
                  "text": part.get_content() if part.get_content_maintype() == "text" else None}
                 for part in message.walk() if not part.is_multipart()]
        http_server.hooks.setdefault("mail", []).append({
            "envelope": {"from": envelope.mail_from, "to": envelope.rcpt_tos}, "tls": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None, "from": message["From"], "to": message["To"],
            "cc": message["Cc"], "subject": message["Subject"], "date": message["Date"], "type": message.get_content_type(),
            "parts": parts})
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    from aiosmtpd.smtp import AuthResult
    return AuthResult(success=(data.login, data.password) == (USER, PASSWORD), auth_data=data)


def start(directory):
    """name → port; {} where aiosmtpd is not installed. directory: with the certificates of http_server."""
    try:
        from aiosmtpd.controller import Controller
    except ImportError:
        return {}
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory + "/server.pem", directory + "/server.key")
    kinds = {
        "SMTP": {"auth_require_tls": False},
        "SMTPS": {"ssl_context": tls, "authenticator": authenticate, "auth_require_tls": False},
        "STARTTLS": {"tls_context": tls, "require_starttls": True, "authenticator": authenticate, "auth_required": True},
    }
    ports = {}
    for name, options in kinds.items():
        controller = Controller(Taker(), hostname="127.0.0.1", port=http_server.free_port(), **options)
        controller.start()
        ports[name] = controller.port
    return ports
