"""Nothing is left out: what lies in a folder is in its meson.build."""

import re

import pytest

# folder, how its files end, what of that end a list leaves out
LISTS = [
    ("tests/unit", "_test.c", "_test.c"),
    ("tests/fuzz", "_fuzz.c", "_fuzz.c"),
    ("docs/man", ".1.scd", ".scd"),
    ("include/pier", ".h", ""),
    ("lib/base", ".c", ""),
    ("lib/io", ".c", ""),
    ("lib/fiber", ".c", ""),
    ("lib/net", ".c", ""),
    ("lib/server", ".c", ""),
    ("lib/proto/http", ".c", ""),
    ("lib/sim", ".c", ""),
    ("hub", ".c", ""),
    ("cli", ".c", ""),
]


@pytest.mark.parametrize("folder, ends, cut", LISTS, ids=[folder for folder, *_ in LISTS])
def test_everything_is_in_the_list_of_its_folder(tree, folder, ends, cut):
    build = tree.text(f"{folder}/meson.build" if folder != "include/pier" else "include/meson.build")
    listed = {name.rsplit("/", 1)[-1] for name in re.findall(r"'([^']+)'", build)}
    left_out = [str(p) for p in tree.files(folder, ends=ends) if p.name.removesuffix(cut) not in listed]
    assert not left_out, "\n".join(left_out)


def test_each_fuzzer_has_inputs_to_begin_with(tree):
    for path in tree.files("tests/fuzz", ends="_fuzz.c"):
        corpus = tree.top / path.parent / "corpus" / path.name.removesuffix("_fuzz.c")
        assert corpus.is_dir() and len(list(corpus.iterdir())) >= 2, f"{corpus} has fewer than two inputs"
