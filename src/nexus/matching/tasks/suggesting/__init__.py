"""Tasks that can help a need line, and volunteers who can help at a task, each with its reasons."""
