"""How two processes share the tests (pytest-xdist): whole files, and whole models of the zoo.

What is built once for a file, or once for a model, is then built in one process only. Files are
handed out in the order in which they are collected: what is quickest first.
"""

from xdist.scheduler import LoadScopeScheduling


class ByFileAndModel(LoadScopeScheduling):
    """Hands out a file at a time; of the contract of all models, the tests of one model."""

    def _split_scope(self, nodeid: str) -> str:
        """What is run by one process.

        >>> ByFileAndModel._split_scope(None, "tests/unit/test_a.py::test_b[c]")
        'tests/unit/test_a.py'
        >>> ByFileAndModel._split_scope(None, "tests/contracts/models/test_split.py::test_b[fm-4]")
        'fm'
        """
        file, test = nodeid.split("::", 1)
        is_of_model = file.startswith("tests/contracts/models/") and "[" in test
        return test.split("[")[1].rstrip("]").split("-")[0] if is_of_model else file
