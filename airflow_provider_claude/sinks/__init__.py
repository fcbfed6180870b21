"""Published answers: partitions with an owner, replaced whole, with their last versions kept."""
