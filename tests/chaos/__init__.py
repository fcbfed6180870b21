"""A machine that breaks the night run, and looks whether anything was paid twice or lost."""
