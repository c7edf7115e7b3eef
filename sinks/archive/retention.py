"""Letting files go whose records are too old."""

from __future__ import annotations

from schemas.archive.folder import ArchiveFolder


def remove_expired(folder: ArchiveFolder, kept_s: float, wall_s: float) -> int:
    """Take away files whose latest record was appended too long before the newest of the whole archive; how many went.

    A clock that is wrong removes nothing that it should not: set back it keeps more, set forward it is believed no further than the
    newest record.

    Args:
        folder: of the archive.
        kept_s: how long records are kept.
        wall_s: what the machine's clock says, Unix seconds.

    Raises:
        OSError: the folder is out of reach.
    """
    files = folder.files()
    newest_s = min(max((file.appended_s for file in files), default=0), wall_s)
    expired = [file for file in files if file.appended_s < newest_s - kept_s]
    for file in expired:
        folder.remove(file.path)
    return len(expired)
