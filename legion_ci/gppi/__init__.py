"""The trained-model format by other hands: read, tested, predicted with, converted."""
