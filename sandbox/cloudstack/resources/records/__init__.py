"""What is told about the past and about other things: jobs, events, usage, tags, and lists of what is not there."""
