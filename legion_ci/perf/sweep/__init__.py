"""The sweep: how much load does a deployment bear?"""
