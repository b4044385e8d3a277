#!/usr/bin/env python3
"""Runs random command lines and sessions through the reference pprof and through ours and shows where the texts differ.

    MEMPROF_GO_PPROF=/path/of/pprof python3 tests/pprof_differential.py [--tool BINARY] [--kit DIR] [--runs N] [--seed S]

The reference's path is what `go tool -n pprof` prints (Go 1.27 or newer). A case in which the reference disagrees with
itself is not counted. Without the reference or the kit nothing is compared, and that is said. Ends with 1 if anything differs.
"""
import argparse, collections, difflib, os, random, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GOOD = re.compile(r'^(?!bad_).*\.pb(\.gz)?$')


def run(command, args, cwd, stdin=''):
    with tempfile.TemporaryDirectory(prefix='differential-') as home:
        env = dict(os.environ, TZ='UTC', LC_ALL='C', HOME=home, PPROF_TMPDIR=home, PPROF_BINARY_PATH='/nonexistent')
        done = subprocess.run(command + args, cwd=cwd, env=env, input=stdin.encode(), capture_output=True, timeout=60)
        return done.returncode, done.stdout, done.stderr


def names(reference, kit, profile, cache={}):
    """Words of the profile's functions and files, its sample types, tag keys and tag values."""
    if profile not in cache:
        text = run([reference], ['-symbolize=none', '-raw', 'profiles/' + profile], kit)[1].decode('utf-8', 'replace')
        words = sorted({w for line in re.findall(r'^ .*? s=\d+', text.split('Locations')[-1], re.M)
                        for w in re.findall(r'[A-Za-z_]{3,}', line)}) or ['main']
        head = re.search(r'Samples:\n(.*)', text)
        types = [t.split('/')[0] for t in (head.group(1).split() if head else [])]
        tags = sorted(set(re.findall(r'([\w:]+):\[', text))) or ['bytes']
        values = sorted(set(re.findall(r':\[([^\]]+)\]', text))) or ['1']
        cache[profile] = words, types, tags, values
    return cache[profile]


def options(rng, words, types, tags, values):
    word = lambda: rng.choice([rng.choice(words), rng.choice(words)[:4], '|'.join(rng.sample(words, min(2, len(words)))),
                               rng.choice(words) + '$', '^' + rng.choice(words), '.', '(?i)' + rng.choice(words).upper(), r'\.', 'nosuchthing'])
    tag = lambda: rng.choice([rng.choice(tags), rng.choice(tags) + '=' + rng.choice(values).split()[0], '1kb:', ':64kb', '16b:4kb',
                              'bytes=32:', rng.choice(values).split()[0], rng.choice(tags) + ',' + rng.choice(tags)])
    unit = lambda: rng.choice(['auto', 'minimum', 'kb', 'mb', 'bytes', 'ms', 's', 'us', 'ns', 'count', 'hours', 'gcu', 'gizmo'])
    yes = lambda: 'true'
    pool = {
        'cum': yes, 'noinlines': yes, 'drop_negative': yes, 'call_tree': yes, 'mean': yes, 'relative_percentages': yes,
        'compact_labels': yes, 'showcolumns': yes, 'trim': lambda: 'false', 'granularity': yes,
        'nodecount': lambda: str(rng.choice([0, 1, 2, 5, 8, 15, 30, -1, -5])),
        'nodefraction': lambda: str(rng.choice([0, 0.001, 0.02, 0.1, 0.5])), 'edgefraction': lambda: str(rng.choice([0, 0.01, 0.1, 0.5])),
        'focus': word, 'ignore': word, 'hide': word, 'show': word, 'show_from': word, 'prune_from': word, 'tagfocus': tag, 'tagignore': tag,
        'tagshow': lambda: rng.choice(tags), 'taghide': lambda: rng.choice(tags), 'tagroot': lambda: ','.join(rng.sample(tags, min(2, len(tags)))),
        'tagleaf': lambda: rng.choice(tags), 'unit': unit, 'divide_by': lambda: str(rng.choice([2, 0.5, 3.7, 100, 1e6])),
        'sample_index': lambda: rng.choice(types + [str(rng.randrange(5))]), 'add_comment': lambda: rng.choice(['#hidden', 'shown']),
    }
    chosen = {}
    for name in rng.sample(sorted(pool), rng.choice([0, 1, 1, 2, 2, 3, 4])):
        chosen[name] = pool[name]()
    if chosen.pop('granularity', None):
        chosen[rng.choice(['functions', 'filefunctions', 'files', 'lines', 'addresses'])] = 'true'
    return chosen


ODD = ['frob', 'frob3', '12', 'focus5', 'sort x', 'top >', 'top 3 -', 'nodecount=abc', 'focus', 'sample_index=99', 'sample_index=nonsense', 'sample_index=',
       'granularity=bogus', 'granularity=lines', 'granularity=', 'help focus', 'help nosuch', 'help cum', 'help sort', 'help sample_index', 'cum', 'flat=1', 'lines=true', 'lines',
       'top -5', 'list', 'peek', 'noinlines', 'noinlines=maybe', 'trim=f', 'nodefraction=x', 'unit=', 'focus=a //: comment', ' top2 ', '  ', 'top =', 'mean=1', 'tags x -y',
       'nodefraction=1e-3', 'divide_by=0', 'divide_by=2.50', 'nodecount=99999999999999999999', 'compact_labels=false', 'output=', 'options', 'top10 2', 'text\t4', 'focus=(', 'tree -cum 3',
       'tagfocus=1kb:', 'help', 'total_' + 'x', 'traces -.', 'call_tree=yes', 'drop_negative=n', 'sort=cum', 'relative_percentages=1', 'show_from=m', 'tagroot=bytes']


def session(rng, words, types, tags, values):
    lines = []
    for _ in range(rng.randrange(1, 7)):
        item = options(rng, words, types, tags, values)
        item.pop('add_comment', None)
        if rng.random() < 0.5:
            lines += ['%s=%s' % pair for pair in item.items()]
        command = rng.choice(['top', 'top5', 'tree', 'tags', 'peek ' + rng.choice(words), 'list ' + rng.choice(words), 'traces', 'o', 'text 3', 'raw',
                              'comments', 'help top', ':', 'dot', rng.choice(types or ['o']), 'mean_' + rng.choice(types or ['o'])])
        if rng.random() < 0.3:
            lines.append(rng.choice(ODD))
        lines.append(' '.join([command] + rng.sample(['-cum', rng.choice(words), '-' + rng.choice(words), '4'], rng.choice([0, 0, 1, 2]))))
    return '\n'.join(lines) + '\n'


def case(rng, reference, kit, profiles, sessions):
    profile = rng.choice(profiles)
    words, types, tags, values = names(reference, kit, profile)
    args = ['-%s=%s' % item for item in options(rng, words, types, tags, values).items()]
    if rng.random() < 0.8:
        args.append('-symbolize=none')
    if rng.random() < 0.3:
        args += ['-source_path=src'] + (['-trim_path=/goroot/src:/src'] if rng.random() < 0.5 else [])
    others = [p for p in profiles if names(reference, kit, p)[1] == types]
    sources = ['profiles/' + profile]
    if rng.random() < 0.15:
        sources.append('profiles/' + rng.choice(others))
    if rng.random() < 0.25:
        args.append('-%s=profiles/%s' % (rng.choice(['base', 'diff_base']), rng.choice(others)))
        if rng.random() < 0.3:
            args.append('-normalize')
    if rng.random() < sessions:
        return args + sources, session(rng, words, types, tags, values)
    report = rng.choice(['-top', '-top', '-text', '-tree', '-traces', '-tags', '-raw', '-dot', '-dot', '-comments', '-callgrind', '-proto', '-topproto',
                         '-peek=' + rng.choice(words), '-list=' + rng.choice(words), '-list=.'])
    return args + [report] + sources, ''


def shown(result, args, canon):
    code, out, err = result
    if out and ('-proto' in args or '-topproto' in args):
        out = canon(out).encode()
    return code, out, err


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--tool', default=os.path.join(HERE, '..', 'target', 'release', 'cargo-memprof'))
    parser.add_argument('--kit', default=os.environ.get('MEMPROF_KIT', os.path.join(HERE, '..', '..', 'shared', 'kit')))
    parser.add_argument('--runs', type=int, default=500)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--synthetic', type=int, default=0, help='use this many random profiles instead of the kit\'s')
    parser.add_argument('--sessions', type=float, default=0.15, help='how many of the runs are sessions of the shell')
    parser.add_argument('--keep', default='', help='copy the synthetic profiles of differences here')
    opt = parser.parse_args()
    reference = os.environ.get('MEMPROF_GO_PPROF', '')
    kit = os.path.join(os.path.abspath(opt.kit), 'dev')
    if not os.path.exists(reference) or not os.path.isdir(kit):
        print('SKIPPED: no reference pprof (MEMPROF_GO_PPROF) or no kit (MEMPROF_KIT): nothing was compared')
        return 0
    sys.path.insert(0, os.path.abspath(opt.kit))
    sys.dont_write_bytecode = True
    from run import canon
    profiles = sorted(p for p in os.listdir(os.path.join(kit, 'profiles')) if GOOD.match(p))
    rng = random.Random(opt.seed)
    if opt.synthetic:
        import pprof_synthetic
        folder = tempfile.TemporaryDirectory(prefix='synthetic-')
        os.mkdir(os.path.join(folder.name, 'profiles'))
        os.symlink(os.path.join(kit, 'src'), os.path.join(folder.name, 'src'))
        kit = folder.name
        profiles = pprof_synthetic.write_all(rng, os.path.join(kit, 'profiles'), opt.synthetic)
    tally = collections.Counter()
    tool = [os.path.abspath(opt.tool), 'pprof']
    for number in range(opt.runs):
        args, stdin = case(rng, reference, kit, profiles, opt.sessions)
        ours = shown(run(tool, args, kit, stdin), args, canon)
        theirs = shown(run([reference], args, kit, stdin), args, canon)
        if ours == theirs:
            tally['equal'] += 1
            continue
        again = [shown(run([reference], args, kit, stdin), args, canon) for _ in range(5)]
        if ours in again:
            tally['equal (reference varies)'] += 1
            continue
        if any(other != theirs for other in again):
            tally['reference varies'] += 1
            continue
        tally['DIFFERENT'] += 1
        if opt.synthetic and opt.keep:
            os.makedirs(opt.keep, exist_ok=True)
            for name in re.findall(r'synthetic\d+\.pb(?:\.gz)?', ' '.join(args)):
                shutil.copy(os.path.join(kit, 'profiles', name), opt.keep)
        print('--- %d: %s %s' % (number, ' '.join("'%s'" % a for a in args), repr(stdin) if stdin else ''))
        for what, want, got in zip(('exit', 'stdout', 'stderr'), theirs, ours):
            if want != got:
                split = lambda x: x.decode('utf-8', 'replace').splitlines() if isinstance(x, bytes) else [str(x)]
                lines = list(difflib.unified_diff(split(want), split(got), 'reference ' + what, 'ours ' + what, lineterm='', n=0))
                print('\n'.join('    ' + line[:200] for line in lines[:8]), flush=True)
    print(dict(tally))
    return 1 if tally['DIFFERENT'] else 0


if __name__ == '__main__':
    sys.exit(main())
