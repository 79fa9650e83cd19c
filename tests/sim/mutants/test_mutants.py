"""Each patch in this folder plants a bug in the library. The scenario that its head names must find it within so many
seeds, and find nothing in as many without it."""

import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
PATCHES = sorted(HERE.glob("*.patch"), key=lambda p: p.name)
HEAD = re.compile(r"^(Kind|Scenario|Seeds): (.*)$", re.MULTILINE)
BUILT = ("include", "lib", "hub", "cli", "examples", "tests", "docs/man", "meson.build", "meson_options.txt")
KINDS = """lost wake-up, double completion, missing fsync, off-by-one in framing, forgotten cancel, unbounded queue,
    wrong resume offset, retry without dedupe, timer leak, ABA on fd reuse"""
WITHIN = 300  # seconds, for a build or a run


def head(patch):
    fields = dict(HEAD.findall(patch.read_text()))
    program, test = fields["Scenario"].split()
    return program, test, int(fields["Seeds"])


class Tree:
    """A copy of the sources that is built again after each change: only what the change touches."""

    def __init__(self, top, folder):
        self.top, self.source, self.build = top, folder / "source", folder / "build"
        self.source.mkdir(parents=True, exist_ok=True)
        self.mend()
        if not (self.build / "build.ninja").exists():
            self.run("meson", "setup", str(self.build), str(self.source))

    def run(self, *command, **options):
        return subprocess.run(command, cwd=self.source, capture_output=True, text=True, timeout=WITHIN, check=True, **options)

    def mend(self):
        """Makes it as the original is. What does not differ keeps its time, so that it is not built again."""
        for name in BUILT:
            at = self.top / name
            for original in [at] if at.is_file() else at.rglob("*"):
                copy = self.source / original.relative_to(self.top)
                if original.is_file() and not (copy.exists() and copy.read_bytes() == original.read_bytes()):
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    copy.write_bytes(original.read_bytes())
                    copy.chmod(original.stat().st_mode)

    def plant(self, patch):
        self.run("git", "apply", "--verbose", str(patch))

    def judge(self, program, test, seeds):
        """Runs one scenario. Returns whether all seeds were well, and what was said."""
        self.run("ninja", "-C", str(self.build), f"tests/sim/{program}")
        env = {"PIER_SIM_SEEDS": str(seeds), "TEST_SECONDS": str(WITHIN), "TEST_TELL": "1", "PATH": "/usr/bin:/bin"}
        done = subprocess.run([self.build / "tests/sim" / program, test], env=env, capture_output=True, text=True, timeout=WITHIN)
        assert "1..1" in done.stdout, f"{program} has no test {test}"
        return done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def tree(top, build):
    return Tree(top, build / "mutants")


@pytest.mark.within(2 * WITHIN)
@pytest.mark.parametrize("patch", PATCHES, ids=lambda p: p.stem)
def test_it_is_found_within_its_seeds(tree, patch):
    program, test, seeds = head(patch)
    tree.mend()
    well, said = tree.judge(program, test, seeds)
    assert well, f"without the bug:\n{said}"
    tree.plant(patch)
    try:
        well, said = tree.judge(program, test, seeds)
    finally:
        tree.mend()
    assert not well, f"{program} {test} does not find it in {seeds} seeds"
    print(said)


@pytest.mark.parametrize("patch", PATCHES, ids=lambda p: p.stem)
def test_it_still_applies(top, patch):
    done = subprocess.run(["git", "apply", "--check", str(patch)], cwd=top, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_there_is_one_of_each_kind_and_the_page_tells_of_it(top):
    kinds, page = {dict(HEAD.findall(p.read_text()))["Kind"] for p in PATCHES}, (top / "docs/simulation.md").read_text()
    assert kinds >= {" ".join(k.split()) for k in KINDS.split(",")}
    for patch in PATCHES:
        assert f"| {dict(HEAD.findall(patch.read_text()))['Kind']} | {patch.stem} |" in page
