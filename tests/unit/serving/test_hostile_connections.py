"""Connections that no good client makes, with raw sockets: slow, half-closed, oversized; others are served all the while."""

from __future__ import annotations

import contextlib
import json
import socket

import pytest
import serving_artefacts
from serving_process import Server

ARTEFACT = "wine"
OPTIONS = ("--arrival-s", "1", "--max-body-mib", "1")
BODY = json.dumps({"data": [serving_artefacts.WINE.data[0].tolist()]}).encode()
HEAD = b"POST /api/model/invoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def _connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def _all(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    found = b""
    try:
        while piece := client.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def _serves(server: Server) -> None:
    assert server.post("/api/model/invoke", BODY).status == 200


def test_a_head_that_never_ends_is_cut_off(server: Server) -> None:
    with _connect(server) as client:
        client.sendall(HEAD)
        _serves(server)
        assert b" 200 " not in _all(client)
    _serves(server)


@pytest.mark.parametrize(
    "told", [b"Content-Length: %d\r\n\r\n" % len(BODY), b"Transfer-Encoding: chunked\r\n\r\n5\r\n"]
)
def test_a_body_that_does_not_come_is_answered_408_and_the_connection_closed(server: Server, told: bytes) -> None:
    with _connect(server) as client:
        client.sendall(HEAD + told + BODY[:5])
        _serves(server)
        answer = _all(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 1 s" in answer
    _serves(server)


def test_many_slow_connections_do_not_keep_others_from_being_served(server: Server) -> None:
    slow = [_connect(server) for _ in range(100)]
    try:
        for client in slow:
            client.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        _serves(server)
        assert all(_all(client).startswith(b"HTTP/1.1 408 ") for client in slow)
    finally:
        for client in slow:
            client.close()


def test_a_client_that_stops_sending_or_leaves_does_no_harm(server: Server) -> None:
    whole = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    for sent in (b"", b"POST", HEAD, whole[:-10], whole):
        with _connect(server) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            _all(client)  # the server closes its side, with or without an answer
        with _connect(server) as client:
            client.sendall(sent)
        _serves(server)


@pytest.mark.parametrize("head", [b"X-Long: " + b"a" * (1 << 20), b"\r\n".join(b"X-%d: 1" % i for i in range(5000))])
def test_heads_past_the_limits_are_refused(server: Server, head: bytes) -> None:
    with _connect(server) as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(HEAD + head + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        assert b" 200 " not in _all(client)[:20]
    _serves(server)


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", HEAD + b"Content-Length: -1\r\n\r\n"])
def test_what_is_not_http_is_refused(server: Server, sent: bytes) -> None:
    with _connect(server) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert b" 200 " not in _all(client)[:20]
    _serves(server)


def test_a_body_past_the_limit_is_refused_before_it_is_sent(server: Server) -> None:
    with _connect(server) as client:
        client.sendall(HEAD + b"Content-Length: 999999999\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 413"
    _serves(server)
