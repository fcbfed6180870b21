"""The only room that speaks to the Claude API."""
