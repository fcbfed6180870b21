"""How long an answer may be taken again."""

#: Days: as old as results of the API itself can get
#: (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
REUSE_DAYS = 29.0
