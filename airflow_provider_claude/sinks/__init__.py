"""Published answers: each partition has an owner, is replaced whole, and keeps its last versions."""
