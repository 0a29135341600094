"""`python -m sanderling` is the command `sanderling`."""

from sanderling.cli import main

if __name__ == "__main__":
    main()
