"""One call on its way in: who sends it, what they may see, with which arguments, and the job that it starts."""
