"""Stage 2: is the candidate good enough, and not worse than the live model?"""
