"""Counts what an oracle checked and closes with `N passed, N failed`."""


class Tally:
    """Checks, each printed when it fails."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, good, what):
        """Counts one check; `what` says in a sentence what should have held."""
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED  {what}", flush=True)
        return bool(good)

    def walk(self, parts):
        """Each part of a walk in English and in Chinese; one that breaks off is one failure, told in full."""
        for language in ("en", "zh"):
            for part in parts:
                try:
                    part(self, language)
                except Exception as problem:
                    told = f"{type(problem).__name__}: {problem}"
                    self.check(False, f"[{language}] {part.__name__} breaks off: {told}")

    def close(self):
        """Prints the closing line; the exit code for the shell."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0
