#include "reward/code_harness.h"

namespace r1 {

// Two processes. The child holds the candidate: it never sees a test, an expected value or the
// token, and has no standard output. The parent holds the tests; values come to it as data (exact
// built-in types), so an object of the candidate never decides a comparison. Without /proc and
// ptrace neither can look into the other. What is no plain value stays with the child as a Remote:
// it can be called, indexed, walked; compared it equals only itself.
const char kPythonHarness[] = R"PY(import sys, posix, builtins
sys.set_int_max_str_digits(0)
LIMIT = 1 << 26


class Gone(BaseException):
    pass


class Remote:
    def __init__(self, peer, number):
        self.__dict__['_Remote__at'] = (peer, number)

    def __call__(self, *args, **named):
        return self.__at[0].ask('call', self.__at[1], args, named)

    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return self.__at[0].ask('get', self.__at[1], name)

    def __setattr__(self, name, value):
        self.__at[0].ask('set', self.__at[1], name, value)

    def __getitem__(self, key):
        return self.__at[0].ask('item', self.__at[1], key)

    def __len__(self):
        return self.__at[0].ask('len', self.__at[1])

    def __iter__(self):
        return self.__at[0].ask('iter', self.__at[1])

    def __next__(self):
        return self.__at[0].ask('next', self.__at[1])


REBUILT = {
    ('collections', 'deque'): list,
    ('decimal', 'Decimal'): lambda v: [str(v)],
    ('fractions', 'Fraction'): lambda v: [v.numerator, v.denominator],
    ('datetime', 'date'): lambda v: [v.year, v.month, v.day],
    ('datetime', 'datetime'):
        lambda v: [v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond],
    ('datetime', 'timedelta'): lambda v: [v.days, v.seconds, v.microseconds],
}
SEQUENCES = {'l': list, 't': tuple, 'S': set, 'F': frozenset}


class Peer:
    """One end of the two pipes: asks, and while it waits, answers."""

    def __init__(self, read, write, is_keeper):
        self.read_fd, self.write_fd, self.is_keeper = read, write, is_keeper
        self.kept, self.names = {}, {}

    def keep(self, value):
        self.kept[id(value)] = value
        return id(value)

    # One value: a letter, then its text with its length, or its parts with their number.
    def put(self, v, out):
        text = lambda kind, s: out.append(b'%s%d:' % (kind, len(s)) + s)
        if v is None or v is True or v is False:
            out.append({None: b'N', True: b'Y', False: b'Z'}[v])
        elif isinstance(v, int):
            text(b'i', b'%x' % int(v) if v >= 0 else b'-%x' % -int(v))
        elif isinstance(v, float):
            text(b'f', float.__repr__(v).encode())
        elif isinstance(v, complex):
            text(b'c', complex.__repr__(v).encode())
        elif isinstance(v, str):
            text(b's', str.encode(v, 'utf-8', 'surrogatepass'))
        elif isinstance(v, (bytes, bytearray)):
            text(b'b' if isinstance(v, bytes) else b'B', bytes(v))
        elif isinstance(v, dict):
            out.append(b'd%d:' % len(v))
            for key, value in list(v.items()):
                self.put(key, out)
                self.put(value, out)
        elif isinstance(v, Remote):
            text(b'r', b'%d' % v._Remote__at[1])
        elif isinstance(v, (list, tuple, set, frozenset)):
            for letter, kind in SEQUENCES.items():
                if isinstance(v, kind):
                    out.append(b'%s%d:' % (letter.encode(), len(v)))
            for part in v:
                self.put(part, out)
        elif type(v) is type and getattr(builtins, v.__name__, None) is v:
            text(b'y', v.__name__.encode())
        else:
            where = (type(v).__module__, type(v).__name__)
            if where in REBUILT:
                out.append(b'x')
                self.put([*where, REBUILT[where](v)], out)
            else:
                text(b'h', b'%d' % self.keep(v))

    def take(self, data, at):
        letter = data[at:at + 1]
        at += 1
        if letter in b'NYZ' and letter:
            return {b'N': None, b'Y': True, b'Z': False}[letter], at
        if letter == b'x':
            (module, name, parts), at = self.take(data, at)
            if (module, name) not in REBUILT:
                raise Gone('bad message')
            kind = getattr(__import__(module), name)
            return kind(parts) if name == 'deque' else kind(*parts), at
        colon = data.index(b':', at, at + 20)
        n = int(data[at:colon])
        at = colon + 1
        if letter in b'ltSFd':
            parts = []
            for _ in range(n * 2 if letter == b'd' else n):
                part, at = self.take(data, at)
                parts.append(part)
            if letter == b'd':
                return dict(zip(parts[::2], parts[1::2])), at
            return SEQUENCES[letter.decode()](parts), at
        s = data[at:at + n]
        at += n
        if len(s) != n:
            raise Gone('bad message')
        if letter == b'i':
            return int(s, 16), at
        if letter == b's':
            return s.decode('utf-8', 'surrogatepass'), at
        if letter == b'r':
            return self.kept[int(s)], at
        if letter == b'h':
            return Remote(self, int(s)), at
        if letter == b'y':
            kind = getattr(builtins, s.decode())
            if type(kind) is type:
                return kind, at
        make = {b'f': lambda: float(s), b'c': lambda: complex(s.decode()), b'b': lambda: bytes(s),
                b'B': lambda: bytearray(s)}
        if letter not in make:
            raise Gone('bad message')
        return make[letter](), at

    def send(self, message):
        out = []
        self.put(message, out)
        data = b''.join(out)
        data = b'%012d' % len(data) + data
        while data:
            data = data[posix.write(self.write_fd, data):]

    def receive(self):
        def exactly(n):
            parts = []
            while n:
                part = posix.read(self.read_fd, min(n, 1 << 20))
                if not part:
                    raise Gone('the program ended before the tests did')
                parts.append(part)
                n -= len(part)
            return b''.join(parts)
        n = int(exactly(12))
        if not 0 < n < LIMIT:
            raise Gone('bad message')
        return self.take(exactly(n), 0)[0]

    def ask(self, what, *args):
        self.send(('ask', what, args))
        while True:
            kind, *rest = self.receive()
            if kind == 'value':
                return rest[0]
            if kind == 'error':
                known = getattr(builtins, rest[0], None)
                is_one = isinstance(known, type) and issubclass(known, Exception)
                try:
                    error = known(rest[1]) if is_one else None
                except Exception:
                    error = None
                raise error or Exception('%s: %s' % (rest[0], rest[1]))
            self.answer(rest)

    def answer(self, request):
        try:
            what, args = request
            value = self.do(what, *args)
            reply = []
            self.put(('value', value), reply)
        except Gone:
            raise
        except BaseException as error:
            try:
                text = str(error)[:500]
            except BaseException:
                text = ''
            return self.send(('error', type(error).__name__, text))
        self.send(('value', value))

    def do(self, what, target, *rest):
        # The tests' side lets the candidate call the functions it was given, nothing else.
        if what == 'call' and (self.is_keeper or callable(self.kept[target])):
            return self.kept[target](*rest[0], **rest[1])
        if not self.is_keeper:
            raise Gone('bad message')
        if what == 'load':
            module = type(sys)('solution')
            sys.modules['solution'] = module
            builtins.exit = builtins.quit = sys.exit
            self.names = module.__dict__
            exec(compile(target, 'solution.py', 'exec'), self.names)
            return None
        if what == 'name':
            if target not in self.names:
                return ('none', None)
            found = self.names[target]
            return ('module', None) if type(found) is type(sys) else ('value', found)
        kept = self.kept[target]
        if what == 'get':
            return getattr(kept, rest[0])
        if what == 'set':
            return setattr(kept, rest[0], rest[1])
        if what == 'item':
            return kept[rest[0]]
        if what == 'len':
            return len(kept)
        if what == 'iter':
            return iter(kept)
        if what == 'next':
            return next(kept)
        raise Gone('bad message')


def keep_candidate(peer):
    null = posix.open('/dev/null', posix.O_RDWR)
    posix.dup2(null, 0)
    posix.dup2(null, 1)
    while True:
        kind, *rest = peer.receive()
        peer.answer(rest)


def free_names(code):
    names = set(code.co_names)
    for part in code.co_consts:
        if isinstance(part, type(code)):
            names |= free_names(part)
    return names


def read_job():
    data = b''
    while True:
        part = posix.read(0, 1 << 20)
        if not part:
            break
        data += part
    texts = []
    while data:
        size, _, data = data.partition(b'\n')
        texts.append(data[:int(size)].decode('utf-8', 'surrogatepass'))
        data = data[int(size):]
    return texts


def lend(peer, code, space):
    """Gives the tests the names they use: library modules themselves, the rest from the keeper."""
    for name in sorted(free_names(code)):
        if name in space or hasattr(builtins, name):
            continue
        if name in sys.stdlib_module_names:
            try:
                space[name] = __import__(name)
            except ImportError:
                pass
            continue
        kind, value = peer.ask('name', name)
        if kind == 'value':
            space[name] = value


def judge(peer):
    token, entry, prelude, code, setup, *tests = read_job()
    token = token.encode()

    def say(number, word, error=None):
        text = '' if error is None else ' %s: %s' % (type(error).__name__, error)
        text = text.replace('\n', ' ')[:300].encode('utf-8', 'replace')
        posix.write(1, b'%s %d %s%s\n' % (token, number, word, text))

    space = {'__name__': 'tests'}
    try:
        peer.ask('load', code)
        if prelude:
            try:
                exec(compile(prelude, 'prompt.py', 'exec'), space)
            except Exception:
                pass  # the prompt is prose
        if entry:
            kind, space[entry] = peer.ask('name', entry)
            if kind != 'value':
                raise NameError('there is no ' + entry)
        if setup:
            setup = compile(setup, 'setup.py', 'exec')
            lend(peer, setup, space)
            exec(setup, space)
    except BaseException as error:
        return say(0, b'error', error)
    for number, test in enumerate(tests):
        try:
            test = compile(test, 'test.py', 'exec')
            if not entry:
                lend(peer, test, space)
            exec(test, space)
            if entry:
                space['check'](space[entry])
            say(number, b'ok')
        except Gone as error:
            return say(number, b'error', error)
        except BaseException as error:
            say(number, b'error', error)


def main():
    to_keeper, from_keeper = posix.pipe(), posix.pipe()
    if posix.fork() == 0:
        posix.close(to_keeper[1])
        posix.close(from_keeper[0])
        try:
            keep_candidate(Peer(to_keeper[0], from_keeper[1], True))
        finally:
            posix._exit(0)
    posix.close(to_keeper[0])
    posix.close(from_keeper[1])
    judge(Peer(from_keeper[0], to_keeper[1], False))
    posix._exit(0)


main()
)PY";

}  // namespace r1
