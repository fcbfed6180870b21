"""A simulator of the Claude API: real HTTP, scaled time, seeded chance, faults by name.

It imports nothing of this package, so it cannot share a mistake with the code it tests.
"""
