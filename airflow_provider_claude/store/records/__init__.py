"""The records of a run as typed values, by the stage that writes them."""
