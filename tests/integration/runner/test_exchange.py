"""Posts to a real server that answers well, badly or not at all."""

import socket
import threading

import pytest

from cronwright_runner.exchange import Answer, BadAnswer, Exchange

ANSWERS: dict[str, tuple[bytes, Answer]] = {
    "with its length": (
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
        Answer(201, "Created", b"{}"),
    ),
    "longer than what is kept": (
        b"HTTP/1.1 422 Unprocessable\r\ncontent-length: 12\r\n\r\n123456789012",
        Answer(422, "Unprocessable", b"1234567890"),
    ),
    "without a length": (b"HTTP/1.1 503 Away\r\n\r\nlater", Answer(503, "Away", b"later")),
    "without a phrase": (b"HTTP/1.1 204\r\nContent-Length: 0\r\n\r\n", Answer(204, "", b"")),
    "of an old server": (b"HTTP/1.0 201 Created\r\nContent-Length: 0\r\n\r\n", Answer(201, "Created", b"")),
    "after another that says to wait": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        Answer(201, "Created", b""),
    ),
}
NO_ANSWERS = {
    "nothing": (b"", "the connection was closed before an answer had come"),
    "half a head": (b"HTTP/1.1 201 Cre", "the connection was closed before an answer had come"),
    "half a body": (
        b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{}",
        "the connection was closed in the middle of an answer",
    ),
    "another protocol": (b"SSH-2.0-OpenSSH\r\n\r\n", "the answer begins with 'SSH-2.0-OpenSSH', which is no HTTP/1.1"),
}


def _post(answer: bytes) -> Answer:
    """Post to a server that sends `answer` and closes the connection, a byte at a time."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while not connection.recv(4096).endswith(b"{}"):
                    pass
                for byte in answer:
                    connection.sendall(bytes([byte]))

        thread = threading.Thread(target=serve)
        thread.start()
        exchange = Exchange("127.0.0.1", server.getsockname()[1], None, timeout=10)
        try:
            return exchange.post("/api/timeline", {"Host": "api"}, b"{}", keep=10)
        finally:
            exchange.close()
            thread.join()


@pytest.mark.parametrize(("text", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_read(text: bytes, answer: Answer) -> None:
    assert _post(text) == answer


@pytest.mark.parametrize(("text", "sentence"), NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_what_is_no_answer_is_refused(text: bytes, sentence: str) -> None:
    with pytest.raises(BadAnswer) as refused:
        _post(text)
    assert str(refused.value) == sentence
