"""pier_pack and pier_unpack beside Python's struct: the same bytes, the same numbers, the same refusals."""

import ctypes
import random
import struct

import pytest

RANGES = {"b": (1, True), "B": (1, False), "h": (2, True), "H": (2, False), "i": (4, True), "I": (4, False),
          "l": (4, True), "L": (4, False), "q": (8, True), "Q": (8, False)}
INTO = {1: ctypes.c_int8, 2: ctypes.c_int16, 4: ctypes.c_int32, 8: ctypes.c_int64}


class Bytes(ctypes.Structure):
    _fields_ = [("p", ctypes.c_void_p), ("len", ctypes.c_size_t)]


@pytest.fixture(scope="module")
def pier(build, sanitized):
    if sanitized:
        pytest.skip("a library with a sanitizer does not load here; tests/fuzz/pack_fuzz.c runs there")
    library = ctypes.CDLL(str(build / "lib/libpier.so"))
    for call, first in (("pier_pack", [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p]),
                        ("pier_unpack", [Bytes, ctypes.c_char_p])):
        getattr(library, call).argtypes = first  # the rest is variadic
        getattr(library, call).restype = ctypes.c_ssize_t
    library.pier_pack_size.restype = ctypes.c_ssize_t
    return library


def invent(chance):
    """A format and values that fit it."""
    letters, values = [], []
    for _ in range(chance.randrange(8)):
        count = chance.choice(["", "", "0", "1", "3"])
        letter = chance.choice("bBhHiIlLqQsx")
        letters.append(count + letter + chance.choice(["", " "]))
        if letter == "s":
            values.append(chance.randbytes(int(count or 1)))
        elif letter != "x":
            size, signed = RANGES[letter]
            low, high = (-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1) if signed else (0, (1 << 8 * size) - 1)
            values += [(chance.choice([low, high, 0, chance.randint(low, high)]), size) for _ in range(int(count or 1))]
    return chance.choice("!<>") + "".join(letters), values


def arguments(values):
    """As C passes them: what is smaller than an int is one."""
    for value in values:
        yield value if isinstance(value, bytes) else INTO[max(value[1], 4)](value[0])


def plain(values):
    return [value if isinstance(value, bytes) else value[0] for value in values]


@pytest.mark.parametrize("seed", range(200))
def test_both_write_and_read_the_same(pier, seed):
    form, values = invent(random.Random(seed))
    wanted = struct.pack(form, *plain(values))
    into = ctypes.create_string_buffer(len(wanted) + 1)
    assert pier.pier_pack(into, len(wanted), form.encode(), *arguments(values)) == len(wanted) == pier.pier_pack_size(form.encode())
    assert into.raw[:-1] == wanted

    slots = [ctypes.create_string_buffer(len(v)) if isinstance(v, bytes) else INTO[v[1]]() for v in values]
    view = Bytes(ctypes.cast(into, ctypes.c_void_p), len(wanted))
    assert pier.pier_unpack(view, form.encode(), *map(ctypes.byref, slots)) == len(wanted)
    for slot, value in zip(slots, values):
        if isinstance(value, bytes):
            assert slot.raw == value
        else:
            assert (slot.value - value[0]) % (1 << 8 * value[1]) == 0


@pytest.mark.parametrize("form, value", [("!B", 256), ("!B", -1), ("!b", 128), ("!b", -129), ("<H", 65536), ("<h", -32769)])
def test_both_refuse_what_does_not_fit(pier, form, value):
    with pytest.raises(struct.error):
        struct.pack(form, value)
    assert pier.pier_pack(ctypes.create_string_buffer(8), 8, form.encode(), value) < 0
    assert pier.pier_pack(ctypes.create_string_buffer(8), 0, form.encode(), 0) < 0


@pytest.mark.parametrize("form", ["!k", "!3", "!H-", "!1"])
def test_both_refuse_what_is_no_format(pier, form):
    with pytest.raises(struct.error):
        struct.calcsize(form)
    assert pier.pier_pack_size(form.encode()) < 0
