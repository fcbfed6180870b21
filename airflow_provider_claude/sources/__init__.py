"""What a path holds, as one stream of rows: formats, files and archives, character sets, mail."""

import os

# Arrow reads this as it is imported; `core.memory` says what for.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
