"""What all parts of the suite need."""

import signal

# A shell that starts the suite in the background has it ignore Ctrl-C, and every program that a test starts would too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
