"""The duel: is the challenger slower than the champion, loaded in turn on the same machine?"""
