"""The soak: do memory and latency grow while the load goes on?"""
