"""The real relay, as a process of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType


class RelayProcess:
    """Started here, and ended by its own process id."""

    def __init__(self, data: Path) -> None:
        program = os.environ.get("SEALWIRE_RELAY")
        if not program:
            raise RuntimeError("say where the relay's program lies: SEALWIRE_RELAY=…")
        self._process = subprocess.Popen(
            [program, "--data", str(data), "--listen", "127.0.0.1:0", "--limits", "off"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        ready = "listening on "
        output = self._process.stdout
        assert output is not None
        line = next((line for line in output if line.startswith(ready)), None)
        if line is None:
            raise RuntimeError(f"the relay ended before it listened: {self._process.wait()}")
        self.url = line.removeprefix(ready).strip()

    def close(self) -> None:
        """Ends this process, and no other."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> RelayProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
