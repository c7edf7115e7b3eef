"""The contract of the archive: its columns, shapes, files and folders."""
