"""Small programs that stand for applications in the sandbox."""
