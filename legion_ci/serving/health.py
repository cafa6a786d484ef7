"""``python -I -S health.py PORT``: asks the server in this container whether it is healthy; exit status 0 when it is."""

import http.client
import sys


def main(port: int) -> int:
    """0 when the server answers 200, else 1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/healthcheck")
        return int(connection.getresponse().status != 200)
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
