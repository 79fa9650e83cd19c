"""Each command has its file, its manual page and its test; each example is run by one."""

import re


def commands(tree):
    table = tree.top / "cli" / "commands.c"
    return re.findall(r"^\s*&command_(\w+),", table.read_text(), re.MULTILINE) if table.exists() else []


def test_the_table_is_sorted(tree):
    assert commands(tree) == sorted(commands(tree))


def test_each_command_has_its_file_page_and_test(tree):
    wanted = [
        path
        for name in commands(tree)
        for path in (f"cli/cmd_{name}.c", f"docs/man/pier-{name}.1.scd", f"tests/e2e/test_{name}.py")
    ]
    missing = [path for path in wanted if not (tree.top / path).exists()]
    assert not missing, "\n".join(missing)


def test_each_page_is_built(tree):
    pages = re.findall(r"^  '(\S+)',$", tree.text("docs/man/meson.build"), re.MULTILINE)
    assert pages == sorted(pages) == sorted(p.stem for p in tree.files("docs/man", ends=".scd") if "." in p.stem)


def test_each_page_tells_of_every_option(tree):
    untold = []
    for name in commands(tree):
        page, source = tree.top / f"docs/man/pier-{name}.1.scd", tree.text(f"cli/cmd_{name}.c")
        if not page.exists():
            continue  # the test above tells
        told = page.read_text().replace("\\", "")
        for option in re.findall(r"\{\s*\"([a-z0-9-]+)\",\s*(?:'.'|0),\s*OPTION_", source):
            if f"--{option}" not in told:
                untold.append(f"{page.name}: --{option}")
    assert not untold, "\n".join(untold)


def test_each_example_is_run_by_a_test(tree):
    tests = "".join(tree.text(p) for p in tree.files("tests/e2e", ends=".py"))
    idle = [str(p) for p in tree.files("examples", ends=(".c", ".sh")) if not re.search(rf"[\"'/]{p.stem}[\"']", tests)]
    assert not idle, "\n".join(idle)
