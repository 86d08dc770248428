"""What the script `weft` is made of. It runs before anything is installed, so all of it is the standard library's.

    checkout      where things are in this checkout, its locks, and what is said when it cannot be used
    commands      commands that are run to their end, and end with this process
    environment   .venv, filled from the locked requirements
    processes     children that stay, each with a log
    services      a private PostgreSQL and Valkey
    browser       a Chromium for the tests
    supervisor    starts processes in order, watches them, and stops them
    demo          the whole portal with the emulated systems
    checks        what must be green before a review
    verbs         what `./weft` can do

It knows how to start Weft's processes, not what they do.
"""
