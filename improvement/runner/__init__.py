"""Where engine, sandbox, repositories and services meet: each step is claim, work, record."""
