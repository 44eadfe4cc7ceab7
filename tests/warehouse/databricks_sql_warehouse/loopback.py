"""TLS of calls that stay on this machine."""

from __future__ import annotations

import ssl


def loopback_context(cert: str | None = None, key: str | None = None) -> ssl.SSLContext:
    """A client context that takes whatever certificate the server presents."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context
