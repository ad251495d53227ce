"""The domain of a project: what people do, what is known of them and of items, which features.

One file, `domain.toml` in the project's folder, holds all of it; the package has no constant of any
domain. `domain()` is that of the process.
"""

from millstream.domain.current import domain, project_folder
from millstream.domain.declaration import Domain, ItemSide, UserSide
from millstream.domain.kinds import Kind
from millstream.domain.reading import FILE_NAME, DomainError, read_domain

__all__ = [
    "FILE_NAME",
    "Domain",
    "DomainError",
    "ItemSide",
    "Kind",
    "UserSide",
    "domain",
    "project_folder",
    "read_domain",
]
