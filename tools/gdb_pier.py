"""Fibers in gdb, of a live process or a core:

    (gdb) source tools/gdb_pier.py
    (gdb) pier fibers          every fiber: what it waits for, since when, and its backtrace
    (gdb) pier fibers 0.17     one of them

The library must have been built with debug information.
"""

import gdb

STATES = ("ready", "running", "parked", "dead")  # enum fiber_state
FOREVER = (1 << 63) - 1
DEPTH_MAX = 64

# What pier_switch leaves on the stack of whoever it leaves, lowest address first, and its bytes in all: switch_*.S
SAVED = {
    "i386:x86-64": (["r15", "r14", "r13", "r12", "rbx", "rbp", "rip"], 56, "rsp", "rbp", "rip"),
    "aarch64": ([f"x{n}" for n in range(19, 30)] + ["pc"], 160, "sp", "x29", "pc"),
}


def linked(first):
    """A list of ours, by its `next`."""
    while first:
        yield first
        first = first["next"]


def workers():
    symbol = gdb.lookup_static_symbol("runtimes")
    if symbol is None:
        raise gdb.GdbError("no runtime of pier is here, or the library has no debug information")
    for runtime in linked(symbol.value()):
        for i in range(int(runtime["count"])):
            yield runtime["workers"][i]


def fibers(worker):
    for slab in linked(worker["stacks"]["slabs"]):
        for i in range(int(slab["used"])):
            fiber = slab["fibers"][i]
            if STATES[int(fiber["state"])] != "dead":
                yield fiber


def number(worker, fiber):
    return f"{int(worker['id'])}.{int(fiber['id'])}"


def seconds(ns):
    return f"{ns / 1e9:.3f} s"


def words(worker, fiber):
    """As pier_dump says it."""
    state, now = STATES[int(fiber["state"])], int(worker["io"]["now"])
    function = str(fiber["fn"]).split("<")[-1].rstrip(">")
    if state != "parked":
        return f"fiber {number(worker, fiber)} in {function} is {state}"
    what = fiber["waits_for"].string() if fiber["waits_for"] else "nothing it has named"
    text = f"fiber {number(worker, fiber)} in {function} waits for {what}, for {seconds(now - int(fiber['parked_at']))}"
    if int(fiber["wake_at"]) != FOREVER:
        text += f", at most {seconds(int(fiber['wake_at']) - now)}"
    return text + (", cancelled" if fiber["cancelled"] else "")


def word_at(address):
    return int(gdb.Value(address).cast(gdb.lookup_type("unsigned long").pointer()).dereference())


def saved_registers(fiber, layout):
    names, size, stack, _, _ = layout
    at = int(fiber["sp"].cast(gdb.lookup_type("unsigned long")))
    saved = {name: word_at(at + 8 * i) for i, name in enumerate(names)}
    saved[stack] = at + size
    return saved


def backtrace_by_registers(saved):
    """gdb unwinds as if the thread were where the fiber left off; its own registers are put back."""
    frame = gdb.newest_frame()
    frame.select()
    kept = {name: int(frame.read_register(name)) for name in saved}
    try:
        for name, value in saved.items():
            gdb.execute(f"set ${name} = {value:#x}", to_string=True)
        return gdb.execute(f"backtrace {DEPTH_MAX}", to_string=True)
    finally:
        for name, value in kept.items():
            gdb.newest_frame().select()
            gdb.execute(f"set ${name} = {value:#x}", to_string=True)


def backtrace_by_frames(saved, layout):
    """A core has no registers to set: the chain of frame pointers, for code that keeps them."""
    _, _, _, frame, pc = layout
    at, here, lines = saved[frame], saved[pc], []
    while here and len(lines) < DEPTH_MAX:
        line = gdb.find_pc_line(here - 1)
        block = gdb.block_for_pc(here - 1)
        name = block.function.name if block and block.function else "??"
        where = f" at {line.symtab.filename}:{line.line}" if line.symtab else ""
        lines.append(f"#{len(lines):<2} {here:#x} in {name}{where}\n")
        if not at:
            break
        at, here = word_at(at), word_at(at + 8)
    return "".join(lines)


def backtrace(fiber):
    layout = SAVED.get(gdb.newest_frame().architecture().name())
    if layout is None:
        return "(no backtrace: pier_switch of this processor is not known here)\n"
    try:
        saved = saved_registers(fiber, layout)
    except gdb.MemoryError:
        return "(its stack is not in this core)\n"
    try:
        return backtrace_by_registers(saved)
    except gdb.error:
        return backtrace_by_frames(saved, layout)


class Pier(gdb.Command):
    """What pier is doing: pier fibers [NUMBER]"""

    def __init__(self):
        super().__init__("pier", gdb.COMMAND_STATUS, prefix=True)


class PierFibers(gdb.Command):
    """Every fiber, or the one with that number: what it waits for, and its backtrace."""

    def __init__(self):
        super().__init__("pier fibers", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        wanted, told = argument.strip(), False
        for worker in workers():
            for fiber in fibers(worker):
                if wanted in ("", number(worker, fiber)):
                    told = True
                    gdb.write(words(worker, fiber) + "\n")
                    if STATES[int(fiber["state"])] != "running":
                        gdb.write(backtrace(fiber))
        if wanted and not told:
            raise gdb.GdbError(f"there is no fiber {wanted}; `pier fibers` lists them")


Pier()
PierFibers()
