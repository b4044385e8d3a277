"""Writes small random profiles that have all that profile.proto can say, for pprof_differential.py: names of many languages,
inlined and recursive frames, several mappings or none, labels of all kinds, odd units, defaults, comments, frames to drop."""
import gzip, os


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value) if value else b''


def message(*values):
    return b''.join(field(number, value) for number, value in enumerate(values, 1))


NAMES = ['main', 'main.main', 'runtime.mallocgc', 'net/http.(*conn).serve', 'github.com/a/b/v2/pkg.Do', 'github.com/a/b.(*T[...]).M', 'pool::Pool<T>::get',
         '<alloc::vec::Vec<T> as core::iter::FromIterator<T>>::from_iter', 'core::ops::function::FnOnce::call_once', 'app::run::{{closure}}', 'malloc', '__rust_alloc',
         'operator new(unsigned long)', 'std::vector<int, std::allocator<int> >::push_back(int const&)', '(anonymous namespace)::Foo::Bar(int)', 'Foo::operator()(int)',
         'java.util.concurrent.ThreadPool.runWorker(Foo)', 'com.x.Y.<init>', 'a.b.C.lambda$1', '_ZN4core3fmt5write17h0123456789abcdefE', '_Z3fooi', '_RNvCs1_5alpha4main', '',
         'f', 'g', 'h', 'x"quoted"', 'back\\slash', 'naïve', 'a b c', 'looooong' * 12, 'Type::method', '_Zbad', '.dotted', 'void f<int>(A::B)']
FILES = ['/src/main.go', 'src/main.rs', '/build/./a//b/../c.rs', '/proc/self/cwd/x.c', '', '/goroot/src/runtime/malloc.go', '/home/u/.cargo/registry/src/index/x-1.0/src/lib.rs',
         'C:\\x\\y.rs', './rel.rs', '/rustc/abc/library/core/src/ops/function.rs', 'src/eval.rs', '/src/parse.rs']
MAPPINGS = ['/bin/app', '/lib/libc.so.6', '[vdso]', '', '//anon', 'http://host/x', '/usr/bin/app (deleted)', 'linux-vdso.so.1', '/bin/other']
TYPES = [[('alloc_objects', 'count'), ('alloc_space', 'bytes'), ('inuse_objects', 'count'), ('inuse_space', 'bytes')], [('samples', 'count'), ('cpu', 'nanoseconds')],
         [('contentions', 'count'), ('delay', 'nanoseconds')], [('objects', 'count'), ('space', 'bytes')], [('wall', 'milliseconds')], [('cost', 'gcu'), ('odd', 'gizmos')],
         [('space', 'kb')], [('events', 'unit'), ('mem', 'megabytes')]]


def profile(rng):
    strings = ['']
    text = lambda s: strings.index(s) if s in strings else (strings.append(s), len(strings) - 1)[1]
    types = rng.choice(TYPES)
    out = b''.join(field(1, message(text(a), text(b))) for a, b in types)
    start, mappings = 0x400000, []
    for number in range(rng.choice([0, 1, 1, 1, 2, 3])):
        flag = int(rng.random() < 0.8)
        mappings.append((number + 1, start, start + 0x10000, 0, text(rng.choice(MAPPINGS)), text(rng.choice(['', '', 'abc123'])), flag, flag, flag, flag))
        start += 0x10000
    functions = []
    for number in range(rng.randrange(1, 25)):
        name = rng.choice(NAMES)
        system = rng.choice([name, '', '_mangled_%d' % number])
        functions.append((number + 1, text(name), text(system), text(rng.choice(FILES)), rng.choice([0, 0, 3, 10])))
    locations = []
    for number in range(rng.randrange(1, 40)):
        mapping = rng.choice(mappings)[0] if mappings and rng.random() < 0.9 else 0
        address = rng.choice([0, 0x400000 + 16 * number, 0x400000 + 16 * number, 0x400010])
        lines = b''.join(field(4, message(rng.choice(functions)[0], rng.choice([0, 1, 5, 12, 30]), rng.choice([0, 0, 0, 7]))) for _ in range(rng.choice([0, 1, 1, 1, 2, 3])))
        ident = number + 1 if rng.random() < 0.97 else 1000 + number
        locations.append((ident, field(1, ident) + field(2, mapping) + field(3, address) + lines + field(5, int(rng.random() < 0.05))))
    unit = rng.choice(['bytes', '', 'bytes'])
    for _ in range(rng.choice([0, 1, 3, 10, 30, 60])):
        stack = [rng.choice(locations)[0] for _ in range(rng.choice([0, 1, 2, 3, 5, 8, 14]))]
        small = rng.random() < 0.3
        values = [rng.choice([0, 1, 2, 3]) if small else rng.randrange(-50 if rng.random() < 0.03 else 0, rng.choice([5, 100, 5000, 10 ** 7])) for _ in types]
        if len(values) > 1 and rng.random() < 0.8:
            values[1] = values[0] * rng.choice([8, 16, 1000, 4096])
        body = b''.join(field(1, i) for i in stack) if len(stack) < 3 else field(1, b''.join(varint(i) for i in stack))
        body += field(2, b''.join(varint(v) for v in values))
        for _ in range(rng.choice([0, 0, 1, 2])):
            key = rng.choice(['thread', 'tenant', 'op', 'bytes', 'request', 'n'])
            if key in ('thread', 'tenant', 'op'):
                body += field(3, message(text(key), text(rng.choice(['alpha', 'beta', 'a:b', 'x y', 'read', 'été']))))
            else:
                body += field(3, message(text(key), 0, rng.choice([1, 16, 64, 100, 1024, 4096, 5000, 1 << 20, -7]), text(unit if key == 'bytes' else rng.choice(['', 'kilobytes', 'seconds']))))
        out += field(2, body)
    for mapping in mappings:
        out += field(3, message(*mapping))
    out += b''.join(field(4, body) for _, body in locations)
    out += b''.join(field(5, message(*function)) for function in functions)
    drop, keep = rng.choice([('', ''), ('', ''), ('malloc|runtime\\..*|operator new', ''), ('.*', 'main.*'), ('__rust_alloc', 'x'), ('f|g', 'g')])
    tail = field(7, text(drop)) + field(8, text(keep)) + field(9, rng.choice([0, 1700000000123456789, 1])) + field(10, rng.choice([0, 0, 10 ** 9, 1234567, 90 * 10 ** 9, 3700 * 10 ** 9]))
    if rng.random() < 0.7:
        tail += field(11, message(text('space' if types[-1][1] == 'bytes' else 'cpu'), text(types[-1][1]))) + field(12, rng.choice([0, 1, 524288]))
    tail += b''.join(varint(13 << 3) + varint(text(c)) for c in rng.sample(['a comment', '#hidden', 'two\nlines'], rng.choice([0, 0, 1, 2])))
    tail += field(14, text(rng.choice(['', '', types[0][0], 'nothing']))) + field(15, text(rng.choice(['', '', 'https://x/doc', 'rel/doc'])))
    return out + b''.join(varint(6 << 3 | 2) + varint(len(s.encode())) + s.encode() for s in strings) + tail


def write_all(rng, folder, count):
    """Writes `count` profiles into `folder`; their names."""
    names = []
    for number in range(count):
        data = profile(rng)
        names.append('synthetic%d.pb%s' % (number, rng.choice(['', '.gz'])))
        with open(os.path.join(folder, names[-1]), 'wb') as file:
            file.write(gzip.compress(data) if names[-1].endswith('.gz') else data)
    return names
