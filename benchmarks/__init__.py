"""Speed and memory, measured over real HTTP against the simulator. See README.md beside this file."""
