"""Python that runs in the built-in sandbox, beside the code: what that lacks or does otherwise.

Each piece is source text, for it runs in there alone. It is whole Python too, so that the tests
compare it with what it stands for. Nothing in here is written as a lambda, so that its lines can
be told from the code's in a traceback, by the names of its functions.
"""

from __future__ import annotations

import sys
from typing import Final

#: What all of these names begin with, the replaced built-in functions apart.
PREFIX: Final = "_sandbox_"

_SHOW = """\
_sandbox_print, _sandbox_repr, _sandbox_iter = print, repr, iter
"""

#: CPython rounds the number that is stored, halves to even; formatting is exact in the sandbox.
_ROUND = """\
_sandbox_native_round = round
def _sandbox_round(number, ndigits=None):
    if ndigits is None:
        return _sandbox_native_round(number)
    if type(number) is not float or type(ndigits) is not int or number - number != 0:
        return _sandbox_native_round(number, ndigits)
    if ndigits > 323:
        return number
    if ndigits >= 0:
        return float('{:.{}f}'.format(number, ndigits))
    sign = -1.0 if str(number)[0] == '-' else 1.0
    if ndigits < -308:
        return 0.0 * sign
    whole = int(abs(number))
    unit = 10 ** -ndigits
    count, rest = divmod(whole, unit)
    half = unit // 2
    if rest > half or rest == half and (abs(number) != whole or count % 2 == 1):
        count += 1
    try:
        result = float(count * unit)
    except OverflowError:
        raise OverflowError('rounded value too large to represent')
    if result == float('inf'):
        raise OverflowError('rounded value too large to represent')
    return sign * result
round = _sandbox_round
"""

#: Since 3.12 CPython adds floats with a correction (Neumaier), integers among them without.
_SUM = """\
_sandbox_native_sum = sum
def _sandbox_sum(iterable, /, start=0):
    if isinstance(iterable, range):
        return _sandbox_native_sum(iterable, start)
    items = list(iterable)
    result = _sandbox_native_sum(items, start)
    if type(result) is not float:
        return result
    total, lost = start, 0.0
    for place, item in enumerate(items):
        if type(total) is not float:
            total = total + item
        elif type(item) is float:
            both = total + item
            if abs(total) >= abs(item):
                lost += (total - both) + item
            else:
                lost += (item - both) + total
            total = both
        elif isinstance(item, int) and -2**63 <= item < 2**63:
            total += float(item)
        else:
            if lost and lost - lost == 0:
                total += lost
            for rest in items[place:]:
                total = total + rest
            return total
    if lost and lost - lost == 0:
        return total + lost
    return total
sum = _sandbox_sum
"""

_METHOD = """\
import collections as _sandbox_collections
_sandbox_names = {
    str: 'capitalize casefold center count encode endswith expandtabs find format format_map index '
         'isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable '
         'isspace istitle isupper join ljust lower lstrip partition removeprefix removesuffix '
         'replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip '
         'swapcase title translate upper zfill',
    bytes: 'decode hex startswith endswith find count index join split strip replace',
    list: 'append clear copy count extend index insert pop remove reverse sort',
    tuple: 'count index',
    dict: 'clear copy get items keys pop popitem setdefault update values',
    set: 'add clear copy difference difference_update discard intersection intersection_update '
         'isdisjoint issubset issuperset pop remove symmetric_difference '
         'symmetric_difference_update union update',
    frozenset: 'copy difference intersection isdisjoint issubset issuperset symmetric_difference '
         'union',
    int: 'bit_length bit_count',
    float: 'is_integer hex as_integer_ratio',
    _sandbox_collections.deque: 'append appendleft clear copy count extend extendleft index insert '
         'pop popleft remove reverse rotate',
    _sandbox_collections.defaultdict: 'clear copy get items keys pop popitem setdefault update '
         'values',
    _sandbox_collections.Counter: 'clear copy elements get items keys most_common pop popitem '
         'setdefault subtract total update values',
}
_sandbox_names = {kind: set(names.split()) for kind, names in _sandbox_names.items()}
def _sandbox_method(owner, name, call):
    kind = type(owner)
    if kind in _sandbox_names:
        if name not in _sandbox_names[kind]:
            raise AttributeError("'" + kind.__name__ + "' object has no attribute '" + name + "'")
        def _sandbox_bound(*args, **kwargs):
            return call(owner, *args, **kwargs)
        return _sandbox_bound
    is_type = kind.__name__ == 'type'
    if is_type and owner in _sandbox_names and name in _sandbox_names[owner]:
        def _sandbox_unbound(first, /, *args, **kwargs):
            if not isinstance(first, owner):
                raise TypeError("descriptor '" + name + "' for '" + owner.__name__
                                + "' objects doesn't apply to a '" + type(first).__name__
                                + "' object")
            return call(first, *args, **kwargs)
        return _sandbox_unbound
    return getattr(owner, name)
"""

_FIRST = """\
def _sandbox_next(items, spread, value, wanted, *default):
    for item in items:
        if spread:
            if wanted is None or wanted(*item):
                return value(*item)
        elif wanted is None or wanted(item):
            return value(item)
    if default:
        return default[0]
    raise StopIteration
def _sandbox_any(items, spread, value, wanted):
    for item in items:
        if spread:
            if (wanted is None or wanted(*item)) and value(*item):
                return True
        elif (wanted is None or wanted(item)) and value(item):
            return True
    return False
def _sandbox_all(items, spread, value, wanted):
    for item in items:
        if spread:
            if (wanted is None or wanted(*item)) and not value(*item):
                return False
        elif (wanted is None or wanted(item)) and not value(item):
            return False
    return True
"""

_RE = """\
import re as _sandbox_re
_sandbox_escapes = {'a': '\\a', 'b': '\\b', 'f': '\\f', 'n': '\\n', 'r': '\\r', 't': '\\t',
                    'v': '\\v', '\\\\': '\\\\'}
def _sandbox_template(template):
    parts, at = [], 0
    while at < len(template):
        here = template[at]
        at += 1
        if here != '\\\\':
            parts.append((here, None))
            continue
        if at == len(template):
            raise _sandbox_re.error('bad escape (end of pattern)')
        name = template[at]
        at += 1
        if name == 'g':
            end = template.find('>', at)
            if template[at:at + 1] != '<' or end <= at + 1:
                raise _sandbox_re.error('bad group reference in the replacement')
            group = template[at + 1:end]
            parts.append(('', int(group) if group.isdigit() else group))
            at = end + 1
        elif name in '0123456789':
            digits = name
            while len(digits) < 3 and template[at:at + 1] and template[at] in '0123456789':
                if len(digits) == 2 and (name == '0' or not _sandbox_is_octal(digits)):
                    break
                if len(digits) == 2 and template[at] not in '01234567':
                    break
                if name == '0' and template[at] not in '01234567':
                    break
                digits += template[at]
                at += 1
            if name == '0':
                if len(digits) == 2 and template[at:at + 1] and template[at] in '01234567':
                    digits += template[at]
                    at += 1
                parts.append((chr(int(digits, 8)), None))
            elif len(digits) == 3:
                if int(digits, 8) > 255:
                    raise _sandbox_re.error('octal escape value outside of range 0-0o377')
                parts.append((chr(int(digits, 8)), None))
            else:
                parts.append(('', int(digits)))
        elif name in _sandbox_escapes:
            parts.append((_sandbox_escapes[name], None))
        elif name in 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ':
            raise _sandbox_re.error('bad escape \\\\' + name)
        else:
            parts.append(('\\\\' + name, None))
    return parts
def _sandbox_is_octal(digits):
    return digits[0] in '0123' + '4567' and digits[1] in '01234567'
def _sandbox_expand(parts, match):
    pieces = []
    for text, group in parts:
        if group is not None:
            try:
                text = match.group(group) or ''
            except IndexError:
                raise _sandbox_re.error('invalid group reference ' + str(group))
        pieces.append(text)
    return ''.join(pieces)
def _sandbox_replace(pattern, repl, string, count=0):
    parts = _sandbox_template(repl) if isinstance(repl, str) else None
    pieces, done, number = [], 0, 0
    for match in pattern.finditer(string):
        if count > 0 and number >= count:
            break
        number += 1
        pieces.append(string[done:match.start()])
        pieces.append(repl(match) if parts is None else _sandbox_expand(parts, match))
        done = match.end()
    pieces.append(string[done:])
    return ''.join(pieces)
def _sandbox_re_sub(pattern, repl, string, count=0, flags=0):
    if isinstance(repl, str) and '\\\\' not in repl or isinstance(string, bytes):
        return _sandbox_re.sub(pattern, repl, string, count=count, flags=flags)
    if not isinstance(pattern, _sandbox_re.Pattern):
        pattern = _sandbox_re.compile(pattern, flags)
    return _sandbox_replace(pattern, repl, string, count)
def _sandbox_sub(owner):
    if type(owner).__name__ == 'module' and hasattr(owner, 'fullmatch'):
        return _sandbox_re_sub
    if not isinstance(owner, _sandbox_re.Pattern):
        return owner.sub
    def _sandbox_pattern_sub(repl, string, count=0):
        return _sandbox_re_sub(owner, repl, string, count)
    return _sandbox_pattern_sub
"""

#: The sandbox finds no empty match right after another match.
_PATTERNS = """\
import re as _sandbox_re
def _sandbox_pattern(pattern, lines=False):
    if isinstance(pattern, str):
        text = pattern
    elif isinstance(pattern, _sandbox_re.Pattern) and isinstance(pattern.pattern, str):
        text, lines = pattern.pattern, lines or pattern.flags & _sandbox_re.MULTILINE != 0
    else:
        return pattern
    if text in ('', '^', '$') or text[0] == '^' and not lines and '|' not in text:
        return pattern
    if _sandbox_re.match(pattern, '') is not None:
        raise NotImplementedError(
            'a pattern that matches the empty string is matched otherwise here: '
            'let it match one character at least'
        )
    return pattern
"""

#: What a ``for`` statement iterates over, item by item.
_LOOPS = """\
def _sandbox_self(self):
    return self
def _sandbox_next_pair(self):
    item = next(self.items)
    count = self.count
    self.count = count + 1
    return count, item
def _sandbox_next_row(self):
    row = []
    for items in self.items:
        row.append(next(items))
    if not row:
        raise StopIteration
    return tuple(row)
class _sandbox_pairs:
    __iter__ = _sandbox_self
    __next__ = _sandbox_next_pair
class _sandbox_rows:
    __iter__ = _sandbox_self
    __next__ = _sandbox_next_row
def _sandbox_enumerate(iterable, start=0):
    if not isinstance(start, int):
        raise TypeError("'" + type(start).__name__
                        + "' object cannot be interpreted as an integer")
    pairs = _sandbox_pairs()
    pairs.items, pairs.count = iter(iterable), start + 0
    return pairs
def _sandbox_zip(*iterables):
    rows = _sandbox_rows()
    rows.items = [iter(one) for one in iterables]
    return rows
"""

#: The order of a heap's items is visible, so this sifts as CPython does: to the leaf, then up.
_HEAPQ = """\
def _sandbox_heap_up(heap, start, place):
    item = heap[place]
    while place > start:
        parent = (place - 1) >> 1
        if not item < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = item
def _sandbox_heap_down(heap, place):
    size, start, item = len(heap), place, heap[place]
    child = 2 * place + 1
    while child < size:
        if child + 1 < size and not heap[child] < heap[child + 1]:
            child += 1
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = item
    _sandbox_heap_up(heap, start, place)
def _sandbox_heappush(heap, item, /):
    heap.append(item)
    _sandbox_heap_up(heap, 0, len(heap) - 1)
def _sandbox_heappop(heap, /):
    if not heap:
        raise IndexError('index out of range')
    last = heap.pop()
    if not heap:
        return last
    first = heap[0]
    heap[0] = last
    _sandbox_heap_down(heap, 0)
    return first
def _sandbox_heapreplace(heap, item, /):
    if not heap:
        raise IndexError('index out of range')
    first = heap[0]
    heap[0] = item
    _sandbox_heap_down(heap, 0)
    return first
def _sandbox_heappushpop(heap, item, /):
    if heap and heap[0] < item:
        first = heap[0]
        heap[0] = item
        _sandbox_heap_down(heap, 0)
        return first
    return item
def _sandbox_heapify(heap, /):
    for place in range(len(heap) // 2 - 1, -1, -1):
        _sandbox_heap_down(heap, place)
def _sandbox_nlargest(n, iterable, key=None):
    return sorted(iterable, key=key, reverse=True)[:max(n, 0)]
def _sandbox_nsmallest(n, iterable, key=None):
    return sorted(iterable, key=key)[:max(n, 0)]
class _sandbox_heapq:
    heappush = _sandbox_heappush
    heappop = _sandbox_heappop
    heapreplace = _sandbox_heapreplace
    heappushpop = _sandbox_heappushpop
    heapify = _sandbox_heapify
    nlargest = _sandbox_nlargest
    nsmallest = _sandbox_nsmallest
"""

#: For code with classes that have ``__bool__`` or ``__len__``.
_TRUTH = """\
_sandbox_native_len = len
def _sandbox_len(obj, /):
    if type(obj).__name__ == 'type' or not hasattr(obj, '__len__'):
        return _sandbox_native_len(obj)
    length = obj.__len__()
    if not isinstance(length, int):
        raise TypeError("'" + type(length).__name__
                        + "' object cannot be interpreted as an integer")
    if length < 0:
        raise ValueError('__len__() should return >= 0')
    return length
len = _sandbox_len
def _sandbox_truth(value):
    if type(value).__name__ == 'type':
        return bool(value)
    if hasattr(value, '__bool__'):
        truth = value.__bool__()
        if type(truth) is not bool:
            raise TypeError('__bool__ should return bool, returned ' + type(truth).__name__)
        return truth
    if hasattr(value, '__len__'):
        return _sandbox_len(value) != 0
    return bool(value)
def _sandbox_truths(values):
    return [_sandbox_truth(value) for value in values]
"""

_DELETE = """\
def _sandbox_delete(owner, key):
    if isinstance(owner, list):
        if isinstance(key, slice):
            for place in sorted(range(len(owner))[key], reverse=True):
                owner.pop(place)
            return
        if isinstance(key, int) and not -len(owner) <= key < len(owner):
            raise IndexError('list assignment index out of range')
        owner.pop(key)
    elif isinstance(owner, dict):
        if key not in owner:
            raise KeyError(key)
        owner.pop(key)
    elif hasattr(owner, '__delitem__'):
        owner.__delitem__(key)
    else:
        raise TypeError("'" + type(owner).__name__ + "' object doesn't support item deletion")
"""

#: The pieces by their names.
HELPERS: Final = {
    "show": _SHOW,
    "round": _ROUND,
    "sum": _SUM,
    "method": _METHOD,
    "first": _FIRST,
    "re": _RE,
    "patterns": _PATTERNS,
    "loops": _LOOPS,
    "heapq": _HEAPQ,
    "truth": _TRUTH,
    "delete": _DELETE,
}

#: The sum of floats is that of the Python that runs this, as it is under bubblewrap.
CORRECTS_SUMS: Final = sys.version_info >= (3, 12)

#: What replaces a built-in function: not made again where the code may have its own by now.
REPLACING: Final = ("round", "sum")
