"""What a path holds, as one stream of rows: formats, files and archives, character sets, mail."""
