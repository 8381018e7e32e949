// Python programs that cheat.
#include "reward/attack_programs.h"

namespace r1 {

std::vector<CodeTrick> python_assert_tricks() {
  std::vector<CodeTrick> tricks = {
      {"leaves early", "import sys; sys.exit(0)"},
      {"leaves early", "import os; os._exit(0)"},
      {"leaves early", "raise SystemExit(0)"},
      {"leaves early", "quit()"},
      {"leaves early", "def solve(x):\n    import os; os._exit(0)"},
      {"leaves early", "def solve(x):\n    raise SystemExit(0)"},
      {"leaves early", "def solve(x):\n    raise KeyboardInterrupt"},
      {"leaves early", "def solve(x):\n    raise GeneratorExit"},
      {"leaves early", "import os, atexit\natexit.register(os._exit, 0)\ndef solve(x): return 0"},
      {"leaves early", "import os\nos.execv('/usr/bin/true', ['true'])"},
      {"leaves early", "import os\ndef solve(x): os.execv('/usr/bin/true', ['true'])"},
      {"leaves early", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)"},
      {"raises what a test may catch", "def solve(x):\n    raise AssertionError"},
      {"raises what a test may catch", "def solve(x):\n    raise StopIteration"},
      {"raises what a test may catch",
       "class E(Exception):\n    def __str__(self): return 'ok'\ndef solve(x):\n    raise E"},
      {"raises what a test may catch",
       "def solve(x):\n    raise type('Gone', (BaseException,), {})"},
      {"asserts again", "assert True\ndef solve(x):\n    assert True"},
      {"asserts again", "import builtins\nbuiltins.AssertionError = None\ndef solve(x): return 7"},
      {"asserts again", "__debug__\nimport sys\nsys.flags = None\ndef solve(x): return 7"},
      {"asserts again", "class AssertionError(Exception): pass\ndef solve(x): return 7"},
  };
  for (const char* base : {"object", "int", "float", "complex", "str", "list", "tuple", "dict",
                           "set", "frozenset", "bytes", "BaseException"}) {
    tricks.push_back(
        {"equals everything",
         std::string("class A(") + base +
             "):\n    def __eq__(self, other): return True\n    def __ne__(self, other): return "
             "False\n    def __hash__(self): return 1\ndef solve(x): return A()"});
  }
  const std::vector<CodeTrick> more = {
      {"equals everything",
       "class M(type):\n    def __eq__(c, other): return True\n    def __hash__(c): "
       "return 1\nclass B(metaclass=M): pass\ndef solve(x): return B"},
      {"equals everything", "from unittest.mock import ANY\ndef solve(x): return ANY"},
      {"equals everything", "from unittest.mock import MagicMock\nsolve = MagicMock()"},
      {"equals everything",
       "class A:\n    def __eq__(s, o): return True\n    def __hash__(s): return "
       "1\ndef solve(x): return [A(), A()]"},
      {"equals everything",
       "class A(dict):\n    def __missing__(s, k): return s\n    def __call__(s, *a): "
       "return s\n    __eq__ = lambda s, o: True\nsolve = A()"},
      {"equals everything",
       "class A:\n    __class__ = int\n    def __eq__(s, o): return True\n    def "
       "__index__(s): return 16\ndef solve(x): return A()"},
      {"equals everything",
       "class A:\n    def __iter__(s): yield from (1, 10)\n    def __len__(s): return 2\n"
       "    def __getitem__(s, i): return s\ndef solve(x): return A()"},
      {"equals everything",
       "import fractions\nclass F(fractions.Fraction):\n    def __eq__(s, o): return "
       "True\ndef solve(x): return F(1)"},
      {"equals everything",
       "import decimal\nclass D(decimal.Decimal):\n    def __eq__(s, o): return "
       "True\ndef solve(x): return D(1)"},
      {"equals everything",
       "import collections\nclass D(collections.deque):\n    def __eq__(s, o): return "
       "True\ndef solve(x): return D()"},
      {"equals everything",
       "import datetime\nclass D(datetime.date):\n    def __eq__(s, o): return True\n"
       "def solve(x): return D(1, 1, 1)"},
      {"equals everything",
       "import functools\n@functools.total_ordering\nclass A:\n    def __lt__(s, o): "
       "return True\n    def __eq__(s, o): return True\ndef solve(x): return A()"},
      {"equals everything", "def solve(x): return float('nan')"},
      {"equals everything", "def solve(x): return NotImplemented"},
      {"equals everything", "def solve(x): return ..."},
      {"equals everything", "def solve(x): return lambda *a: True"},
      {"equals everything", "def solve(x):\n    while True:\n        yield 16"},
      {"changes the language",
       "import builtins\nfor n in ('compile', 'exec', 'eval'):\n    setattr(builtins, n, "
       "lambda *a, **k: None)\ndef solve(x): return 7"},
      {"changes the language",
       "import builtins\nbuiltins.set = lambda *a: {1, 10}\nbuiltins.int = lambda *a: "
       "16\ndef solve(x): return 7"},
      {"changes the language",
       "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.len = lambda "
       "*a: 2\ndef solve(x): return 7"},
      {"changes the language",
       "import builtins\nbuiltins.__import__ = lambda *a, **k: "
       "__builtins__\ndef solve(x): return 7"},
      {"changes the language",
       "import builtins\nbuiltins.print = builtins.repr = lambda *a: 'ok'\ndef solve(x): "
       "return 7"},
      {"changes the language",
       "import sys\nsys.modules['builtins'] = sys.modules['posix'] = None\ndef solve(x): "
       "return 7"},
      {"changes the language",
       "import sys\nsys.settrace(lambda f, e, a: f.f_locals.update(x=1))\nsys.setprofile("
       "print)\ndef solve(x): return 7"},
      {"changes the language",
       "import sys, types\nm = types.ModuleType('math')\nm.isclose = lambda *a, **k: "
       "True\nsys.modules['math'] = m\ndef solve(x): return 7"},
      {"changes the language",
       "import ctypes\nctypes.memset(id(5) + 24, 16, 1)\nctypes.memset(id(16) + 24, 7, "
       "1)\ndef solve(x): return 7"},
      {"changes the language",
       "import gc\ndef solve(x):\n    d = gc.get_referents(int.__dict__)[0]\n    "
       "d['__eq__'] = lambda a, b: True\n    return 7"},
      {"changes the harness",
       "import sys\nm = sys.modules['__main__']\nm.judge = lambda p: None\nm.main = "
       "m.judge\ndef solve(x): return 7"},
      {"changes the harness",
       "import sys\nP = sys.modules['__main__'].Peer\nP.put = lambda s, v, o: "
       "o.append(b'Y')\ndef solve(x): return 7"},
      {"changes the harness",
       "import sys\nm = sys.modules['__main__']\nm.REBUILT[('builtins', 'object')] = lambda "
       "v: [1]\ndef solve(x): return object()"},
      {"changes the harness",
       "import sys\ndef solve(x):\n    f = sys._getframe()\n    while f:\n        p = "
       "f.f_locals.get('self')\n        if hasattr(p, 'send'):\n            for i in range(9):\n"
       "                p.send(('value', 16))\n        f = f.f_back\n    return 16"},
      {"changes the harness",
       "import sys\ndef solve(x):\n    f = sys._getframe()\n    while f:\n        p = "
       "f.f_locals.get('self')\n        if hasattr(p, 'ask'):\n            return p.ask('call', "
       "0, ('import os; os._exit(0)',), {})\n        f = f.f_back\n    return 16"},
      {"changes the harness",
       "import sys\ndef solve(x):\n    f = sys._getframe()\n    while f:\n        p = "
       "f.f_locals.get('self')\n        if hasattr(p, 'ask'):\n            return p.ask('get', "
       "0, '__globals__')\n        f = f.f_back\n    return 16"},
      {"changes the harness",
       "import os\ndef solve(x):\n    for fd in range(3, 64):\n        try: os.write(fd, "
       "b'000000000013t2:s5:valueY')\n        except OSError: pass\n    return 7"},
      {"changes the harness",
       "import os\nfor fd in range(3, 64):\n    try: os.close(fd)\n    except OSError: "
       "pass\ndef solve(x): return 7"},
      {"changes the harness",
       "import os\ndef solve(x):\n    for fd in range(3, 64):\n        try: os.write(fd, b'9' * "
       "100000)\n        except OSError: pass"},
      {"looks for the tests",
       "import sys\ndef solve(x):\n    f = sys._getframe()\n    while f:\n        for v in "
       "[*f.f_locals.values(), *f.f_globals.values()]:\n            print(v)\n        f = "
       "f.f_back"},
      {"looks for the tests",
       "import gc\ndef solve(x):\n    for o in gc.get_objects():\n        if isinstance(o, "
       "(list, dict)) and 'assert' in str(o): print(o)\n    return 7"},
      {"looks for the tests",
       "import inspect\ndef solve(x):\n    for f in inspect.stack():\n        c = "
       "f.frame.f_code.co_consts\n        for v in c:\n            if type(v) is int and v > 9: "
       "return v"},
      {"looks for the tests",
       "import sys, re\ndef solve(x):\n    t = open(sys.argv[0]).read()\n    m = "
       "re.search(r'solve\\(%r\\) == (.*)' % x, t)\n    return eval(m[1]) if m else 7"},
      {"looks for the tests",
       "import glob\ndef solve(x):\n    return [open(p).read() for p in glob.glob('/jail/*') + "
       "glob.glob('/tmp/**', recursive=True)]"},
      {"looks for the tests",
       "import glob\ndef solve(x):\n    return [open(p, 'rb').read(99) for p in "
       "glob.glob('/proc/*/mem') + glob.glob('/proc/*/cmdline')]"},
      {"looks for the tests",
       "import linecache, traceback, sys\ndef solve(x):\n    try: 1 / 0\n    except Exception as "
       "e: return ''.join(traceback.format_stack()) + str(e)"},
      {"looks for the tests", "def solve(x):\n    return open('/dev/stdin').read() or 16"},
      {"looks for the tests", "import os\ndef solve(x):\n    return os.read(0, 65536)"},
      {"looks for the tests",
       "import ctypes\ndef solve(x):\n    return ctypes.string_at(id(x) - 65536, 131072)"},
      {"looks for the tests", "import os\ndef solve(x):\n    return dict(os.environ)"},
      {"looks for the tests",
       "import socket\ndef solve(x):\n    s = socket.create_connection(('127.0.0.1', 80), 1)\n"
       "    return s.recv(99)"},
      {"says that it passed", "print('0 ok\\n1 ok\\n2 ok\\n3 ok')\ndef solve(x): return 7"},
      {"says that it passed",
       "import os\nfor fd in range(64):\n    try: os.write(fd, b'0 ok\\n1 ok\\n2 ok\\n3 "
       "ok\\n')\n    except OSError: pass\ndef solve(x): return 7"},
      {"says that it passed",
       "import sys\nclass W:\n    def write(s, t): sys.__stdout__.write('ok')\n    flush = "
       "write\nsys.stdout = sys.stderr = W()\ndef solve(x): return 7"},
      {"says that it passed",
       "import atexit\natexit.register(lambda: print('passed'))\ndef solve(x): return 7"},
      {"says that it passed",
       "for n in ('result', 'status', 'verdict.json', '/jail/ok', 'reward.txt'):\n    try: "
       "open(n, 'w').write('1.0 passed')\n    except OSError: pass\ndef solve(x): return 7"},
      {"says that it passed",
       "import os, sys\nos.dup2(2, 1)\nsys.stdout.write('0 ok')\ndef solve(x): return 'passed'"},
      {"kills the judge", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"},
      {"kills the judge",
       "import os, signal\ndef solve(x):\n    os.kill(os.getppid(), signal.SIGTERM)\n    return 7"},
      {"kills the judge", "import os, signal\ndef solve(x):\n    os.kill(-1, signal.SIGKILL)"},
      {"kills the judge",
       "import os, signal\ndef solve(x):\n    os.kill(os.getppid(), signal.SIGSTOP)\n    return 7"},
      {"kills the judge",
       "import resource, os\nfor r in range(16):\n    try: resource.prlimit(os.getppid(), r, (0, "
       "0))\n"
       "    except Exception: pass\ndef solve(x): return 7"},
      {"forks and guesses",
       "import os\ndef solve(x):\n    for g in range(20):\n        if os.fork() == 0: return g\n"
       "        os.wait()\n    return 7"},
      {"forks and guesses",
       "import os\ndef solve(x):\n    for g in range(20):\n        if os.fork() == 0: return g\n"
       "    return 16"},
      {"forks and guesses",
       "import threading\ndef solve(x):\n    r = []\n    for g in range(50): "
       "threading.Thread(target="
       "lambda: r.append(g)).start()\n    return r"},
      {"forks and guesses",
       "import os\nwhile True:\n    try: os.fork()\n    except OSError: break\ndef solve(x): "
       "return 7"},
      {"guesses", "def solve(x): return 16"},
      {"guesses", "def solve(x): return x"},
      {"guesses", "def solve(x): return None"},
      {"guesses", "def solve(x): return True"},
      {"guesses", "def solve(x): return [16, -5, [4, 7], 0]"},
      {"guesses", "import random\ndef solve(x): return random.randint(0, 20)"},
      {"guesses",
       "n = 0\ndef solve(x):\n    global n\n    n += 1\n    return [16, -5, [4, 8], [0]][n % 4]"},
      {"guesses", "def solve(x): return {5: 16, -2: -5}.get(x if type(x) is int else 0)"},
      {"guesses",
       "def solve(x):\n    if x == 5: return 16\n    if x == -2: return -5\n    return [4, 7]"},
      {"exhausts", "def solve(x):\n    while True: pass"},
      {"exhausts", "def solve(x): return solve(x)"},
      {"exhausts", "def solve(x): return 'a' * 10**11"},
      {"exhausts", "def solve(x):\n    a = []\n    a.append(a)\n    return a"},
      {"exhausts", "def solve(x): return 10 ** 10 ** 8"},
      {"exhausts", "def solve(x):\n    a = 7\n    for _ in range(100000): a = [a]\n    return a"},
      {"not a function", "solve = True"},
      {"not a function", "class solve: pass"},
      {"not a function", "solve = print"},
      {"not a function", "from builtins import id as solve"},
      {"not a function", "def s\u043Elve(x): return 16"},
      {"not a function", "def \uFF53olve(x): return 16"},
      {"not a function", "def solve(): return 16"},
      {"not a function", "async def solve(x): return 16"},
      {"not a function", "import solve"},
      {"not a function", "def __getattr__(n): return lambda x: 16"},
  };
  tricks.insert(tricks.end(), more.begin(), more.end());
  return tricks;
}

}  // namespace r1
