"""The systemd units: they verify, they are confined, and they give the program options that it has."""

from __future__ import annotations

import shlex
import tempfile
import unittest
from pathlib import Path

import support
from support import DEPLOY

UNITS = DEPLOY / "systemd"
PROGRAM_PATH = "/usr/local/bin/asterism"
# Of 10, ten times as systemd-analyze takes it; a service without any confinement has 96.
EXPOSURE_MAX = 20
# OpenVINO makes machine code.
MUST_NOT_SET = ("MemoryDenyWriteExecute",)


def settings(path: Path) -> dict[str, list[str]]:
    """Values by name, in order."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[;":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


class SystemdTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def copy_units(self, *, without: tuple[str, ...] = (), drop_in: bool = False) -> list[Path]:
        """The units with a program that exists here, less the settings that begin so."""
        copies = []
        for unit in sorted(UNITS.glob("asterism.*")):
            lines = unit.read_text(encoding="utf-8").replace(PROGRAM_PATH, "/bin/true").splitlines()
            copy = self.folder / unit.name
            copy.write_text("\n".join(line for line in lines if not line.startswith(without or ("\0",))) + "\n")
            copies.append(copy)
        if drop_in:
            target = self.folder / "asterism.service.d" / "api-keys.conf"
            target.parent.mkdir()
            target.write_text((UNITS / "api-keys.conf").read_text(encoding="utf-8").replace(PROGRAM_PATH, "/bin/true"))
        return copies

    def verify(self, units: list[Path]) -> str:
        answer = support.run(support.tool("systemd-analyze"), "verify", "--man=no", *units)
        return answer.stdout + answer.stderr

    def exposure(self, unit: Path) -> int:
        """Exit status of systemd-analyze: whether the service is more exposed than EXPOSURE_MAX."""
        program = support.tool("systemd-analyze")
        return support.run(program, "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit).returncode

    def test_units_verify(self) -> None:
        self.assertEqual(self.verify(self.copy_units()), "")

    def test_units_verify_with_api_keys(self) -> None:
        self.assertEqual(self.verify(self.copy_units(drop_in=True)), "")

    def test_verifying_finds_a_setting_that_is_none(self) -> None:
        units = self.copy_units()
        service = next(unit for unit in units if unit.suffix == ".service")
        service.write_text(service.read_text().replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"))
        self.assertIn("NoNewPrivilege", self.verify(units))

    def test_service_is_confined(self) -> None:
        service = next(unit for unit in self.copy_units() if unit.suffix == ".service")
        self.assertEqual(self.exposure(service), 0)

    def test_the_measure_of_exposure_sees_what_is_missing(self) -> None:
        removed = ("DynamicUser", "SystemCallFilter", "Protect", "CapabilityBoundingSet", "Restrict")
        service = next(unit for unit in self.copy_units(without=removed) if unit.suffix == ".service")
        self.assertNotEqual(self.exposure(service), 0)

    def test_machine_code_may_be_made(self) -> None:
        self.assertEqual([name for name in MUST_NOT_SET if name in settings(UNITS / "asterism.service")], [])

    def test_api_keys_change_nothing_but_the_keys(self) -> None:
        plain = settings(UNITS / "asterism.service")["ExecStart"]
        keyed = settings(UNITS / "api-keys.conf")
        self.assertEqual(keyed["ExecStart"][0], "")
        added = "--api-key-file ${CREDENTIALS_DIRECTORY}/api-keys "
        self.assertEqual([keyed["ExecStart"][1].replace(added, "")], plain)
        name = keyed["LoadCredential"][0].partition(":")[0]
        self.assertIn(f"${{CREDENTIALS_DIRECTORY}}/{name} ", keyed["ExecStart"][1])

    def test_state_is_kept_where_the_service_may_write(self) -> None:
        service = settings(UNITS / "asterism.service")
        kept = {f"%S/{name}" for name in service["StateDirectory"][0].split()}
        words = shlex.split(service["ExecStart"][0])
        self.assertLessEqual({word for word in words if word.startswith("%S/")}, kept)
        hub = next(value for value in service["Environment"] if value.startswith("HF_HOME="))
        self.assertIn(hub.removeprefix("HF_HOME="), kept)

    def test_options_are_those_of_the_program(self) -> None:
        known = support.serve_options()
        for unit in (UNITS / "asterism.service", UNITS / "api-keys.conf"):
            words = shlex.split(settings(unit)["ExecStart"][-1])
            self.assertLessEqual(support.options_of(words), known, unit.name)

    def test_stopping_waits_for_requests_in_flight(self) -> None:
        stop = settings(UNITS / "asterism.service")["TimeoutStopSec"][0]
        self.assertGreater(support.seconds(stop), support.drain_seconds())

    def test_the_socket_starts_the_service(self) -> None:
        self.assertEqual(settings(UNITS / "asterism.service")["Requires"], ["asterism.socket"])
        self.assertEqual(settings(UNITS / "asterism.socket")["ListenStream"], ["127.0.0.1:8080"])


if __name__ == "__main__":
    support.main()
