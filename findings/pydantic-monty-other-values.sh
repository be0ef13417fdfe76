#!/usr/bin/env bash
# pydantic-monty 1.4.0: seven kinds of ordinary programs give another value than CPython, without an error.
#
# Asked:     programs as language models write them, without any package: a container's truth, rounding,
#            a pattern's template, a loop that marks later items of its list, keys that are equal, a
#            generator that is read after its list has grown.
# Expected:  CPython's value, or an error, which is how this sandbox answers what it does not support
#            (inheritance, for example: NotImplementedError).
# Seen:      __bool__ and __len__ of a class do not decide its truth; round(2.675, 2) is 2.68, where the
#            number is below the half; a group's number before a letter in the template of re.sub gives the
#            empty text; enumerate() and a generator expression go over a copy of the list; an equal key
#            of another type replaces the key that is there.
#
# Whoever runs models' code in it has to rewrite these, refuse them, or tell the model. Needs python3 (3.10
# or later) with venv, and pip's index. Exits with 0 as long as this is so.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >seen.py <<'END'
from pydantic_monty import Monty

CLASS = "class Basket:\n    def __{}__(self):\n        return 0 == 1\n"
PROGRAMS = {
    "truth by __bool__": CLASS.format("bool") + "str(bool(Basket()))",
    "truth by __len__": CLASS.format("len").replace("0 == 1", "0") + "'full' if Basket() else 'empty'",
    "rounding": "str(round(2.675, 2))",
    "group before a letter": "import re\nre.sub(r'(\\d+)', r'\\1kg', '5')",
    "a list that its loop changes": (
        "items = [1, 1]\nseen = []\nfor number, item in enumerate(items):\n"
        "    seen.append(item)\n    items[1] = 0\nstr(seen)"
    ),
    "equal keys": "names = {}\nnames[1] = 'a'\nnames[1.0] = 'b'\nstr(list(names))",
    "a generator's list": "items = [1]\nlater = (item for item in items)\nitems.append(2)\nstr(list(later))",
}
for name, program in PROGRAMS.items():
    names = {}
    *lines, last = program.split("\n")
    exec("\n".join(lines), names)
    with Monty() as pool, pool.checkout() as session:
        print(f"{name}: CPython {eval(last, names)!r}, here {session.feed_run(program)!r}")
END

python3 -m venv here
here/bin/python -m pip install -q "pydantic-monty==1.4.0"
here/bin/python seen.py | tee seen.txt
diff - seen.txt <<'END'
truth by __bool__: CPython 'False', here 'True'
truth by __len__: CPython 'empty', here 'full'
rounding: CPython '2.67', here '2.68'
group before a letter: CPython '5kg', here ''
a list that its loop changes: CPython '[1, 0]', here '[1, 1]'
equal keys: CPython '[1]', here '[1.0]'
a generator's list: CPython '[1, 2]', here '[1]'
END
