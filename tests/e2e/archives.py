#!/usr/bin/env python3
"""archives.py - exports in archives: the same bytes as from their folder."""
import io
import os
import shutil
import subprocess
import tarfile
import zipfile

from e2e import (ASAN, FIXTURES, PROGRAM, TSAN, Skipped, check, command, contains, digests, equal, generate,
                 lines, main, run, write_plan)

DATA = {}


def prepare(options):
    DATA['top'] = options.top + '/data'
    shutil.copytree(FIXTURES + '/relational', DATA['top'] + '/relational')
    DATA['tables'] = sorted(os.listdir(DATA['top'] + '/relational'))


def plan(here, exports, name='plan.json', **more):
    return write_plan(os.path.join(here, name), {
        'source': {'exports': exports}, 'target': {'environment': 'prod'},
        **more})


def relational(here, exports, name='plan.json'):
    with open(FIXTURES + '/plans/demo.yaml') as f:
        text = f.read()
    path = os.path.join(here, name)
    with open(path, 'w') as f:
        f.write(text.replace('[../relational]',
                             '[%s]' % ', '.join(exports)))
    return path


def pack_7z(path, folder, *options):
    """As 7-Zip packs it; or as bsdtar does."""
    if shutil.which('7z') is not None:
        subprocess.run(['7z', 'a', '-bso0', '-bsp0', *options, path, folder],
                       check=True)
    elif options:
        raise Skipped('7z (p7zip-full) is not installed')
    elif shutil.which('bsdtar') is not None:
        subprocess.run(['bsdtar', '--format', '7zip', '-cf', path, '-C',
                        os.path.dirname(folder), os.path.basename(folder)],
                       check=True)
    else:
        raise Skipped('neither 7z (p7zip-full) nor bsdtar is installed')
    return path


def pack(path, folder, *options, backwards=False):
    """An archive of a folder, its files in the order of names or backwards."""
    if path.endswith('.7z'):
        return pack_7z(path, folder, *options)
    names = sorted((os.path.join(top, n) for top, _, ns in os.walk(folder)
                    for n in ns), reverse=backwards)
    if path.endswith('.zip'):
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
            for n in names:
                z.write(n, os.path.relpath(n, os.path.dirname(folder)))
        return path
    kind = {'gz': 'gz', 'xz': 'xz', 'z2': 'bz2'}.get(path[-2:], '')
    tar = path[:-4] if path.endswith('.zst') else path
    with tarfile.open(tar, 'w:' + kind) as t:
        for n in names:
            t.add(n, './' + os.path.relpath(n, os.path.dirname(folder)))
    if path.endswith('.zst'):
        if shutil.which('zstd') is None:
            raise Skipped('zstd is not installed')
        subprocess.run(['zstd', '-q', '--rm', tar], check=True)
    return path


def same_as_the_folder(here, ending, *options, pack_options=(), **more):
    folder = DATA['top'] + '/relational'
    archive = pack(here + '/all' + ending, folder, *pack_options, **more)
    run(relational(here, [folder], 'a.yaml'), here + '/a', status=None)
    run(relational(here, [archive], 'b.yaml'), here + '/b', *options,
        status=None)
    same_jobs_but_places(here + '/a', here + '/b')
    check(len(digests(here + '/b')) > 20, 'hardly anything was written')


def same_jobs_but_places(a, b):
    """Rejects name their files, and so differ."""
    x, y = digests(a, 'out', 'index'), digests(b, 'out', 'index')
    check(x and x == y, sorted(set(x.items()) ^ set(y.items()))[:5])


def tar(here, options):
    same_as_the_folder(here, '.tar')


def tar_gz(here, options):
    same_as_the_folder(here, '.tar.gz', '--threads', '3')


def tar_xz_backwards(here, options):
    same_as_the_folder(here, '.tar.xz', backwards=True)


def tar_zst(here, options):
    same_as_the_folder(here, '.tar.zst', '--threads', '1')


def zip_(here, options):
    same_as_the_folder(here, '.zip', '--threads', '3')


def seven_zip(here, options):
    same_as_the_folder(here, '.7z', '--threads', '3')


def seven_zip_of_other_methods(here, options):
    """One block a file; the methods that 7-Zip has beside LZMA2."""
    for method in ('LZMA', 'PPMd', 'BZip2', 'Deflate', 'Copy'):
        os.makedirs(here + '/' + method)
        same_as_the_folder(here + '/' + method, '.7z', pack_options=[
            '-m0=' + method, '-ms=off'])


def seven_zip_encrypted_is_refused(here, options):
    folder = DATA['top'] + '/relational'
    for i, more in enumerate(([], ['-mhe=on'])):
        path = pack_7z('%s/x%d.7z' % (here, i), folder, '-psecret', *more)
        r = run(relational(here, [path]), here + '/job', status=3)
        contains(r.err.lower(), 'x%d.7z' % i, 'crypt')


def archives_side_by_side_and_in_a_folder(here, options):
    """One for each table; and one that bears another name."""
    top = DATA['top'] + '/relational'
    os.makedirs(here + '/in')
    for i, name in enumerate(DATA['tables']):
        pack(here + '/in/%s%s' % (name, ('.tar.gz', '.zip', '.tar')[i % 3]),
             top + '/' + name)
    run(relational(here, [top], 'a.yaml'), here + '/a', status=None)
    run(relational(here, [here + '/in'], 'b.yaml'), here + '/b', status=None)
    same_jobs_but_places(here + '/a', here + '/b')


def plain_files_in_an_archive(here, options):
    os.makedirs(here + '/d/sub')
    for i in range(5):
        with open('%s/d/sub/%d.json' % (here, i), 'w') as f:
            for k in range(100):
                f.write('{"Item":{"id":{"S":"%d-%d"}}}\n' % (i, k))
    for ending in ('.tar.gz', '.zip'):
        path = pack(here + '/x' + ending, here + '/d')
        p = plan(here, [path], tables={'Things': {'key': ['id']}})
        run(p, here + '/job' + ending)
        equal([i['id']['S'] for i in lines(here + '/job' + ending, 'Things')],
              ['%d-%d' % (i, k) for i in range(5) for k in range(100)],
              'items in order')


def a_large_archive_is_read_once(here, options):
    """Files that come after one another cost no look at those before."""
    data = generate(20000, here + '/data', '--files', '8')
    path = pack(here + '/all.tar.gz', data)
    size = os.path.getsize(path)
    if shutil.which('strace') is None:
        raise Skipped('strace is not installed')
    if ASAN or TSAN:
        raise Skipped('sanitizers do not work under strace')
    p = plan(here, [path], tables={t: 'skip' if t != 'Projects' else
                                   {'key': ['id']} for t in tables_of(data)})
    subprocess.run(['strace', '-f', '-e', 'trace=openat', '-o', here + '/log',
                    *command(p, here + '/job', '--threads', '2', '--quiet')],
                   check=True)
    with open(here + '/log') as f:
        opened = sum('all.tar.gz' in x for x in f)
    check(opened <= 6, 'opened', opened, 'times')
    return '%d bytes, opened %d times' % (size, opened)


def tables_of(data):
    return sorted(os.listdir(data))


def resumed_and_limited(here, options):
    path = pack(here + '/all.tar.gz', DATA['top'] + '/relational')
    p = relational(here, [path])
    r = run(p, here + '/job', '--limit', '2', status=None)
    check(r.status in (0, 1), r)
    contains(run(p, here + '/job', '--limit', '2').out, 'done already')


def hostile(here, make, says, *options, status=3):
    path = here + '/bad.tar'
    with tarfile.open(path, 'w') as t:
        def add(name, data=b'{"Item":{"id":{"S":"1"}}}\n', **more):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for k, v in more.items():
                setattr(info, k, v)
            t.addfile(info, io.BytesIO(data))
        add('good.json')
        make(add)
    p = plan(here, [path], tables={'Things': {'key': ['id']}})
    r = run(p, here + '/job', *options, status=status)
    contains(r.err, says, 'bad.tar')


def hostile_archives_are_refused(here, options):
    hostile(here, lambda add: add('../x.json'), 'leads out')
    hostile(here, lambda add: add('/tmp/x.json'), 'leads out')
    hostile(here, lambda add: add('a/../../x.json'), 'leads out')
    hostile(here, lambda add: add('l', b'', type=tarfile.SYMTYPE,
                                  linkname='/etc/passwd'), 'is a link')
    hostile(here, lambda add: add('l', b'', type=tarfile.LNKTYPE,
                                  linkname='good.json'), 'is a link')
    hostile(here, lambda add: add('d', b'', type=tarfile.CHRTYPE),
            'neither file nor folder')
    hostile(here, lambda add: add('good.json'), 'stands in the archive twice')
    # What is told of them does not act on the terminal.
    hostile(here, lambda add: add('a\n\33[31m'), r"'a\n\u001b[31m' leads out")
    check(not os.path.exists(here + '/../x.json'), 'it got out')


def archives_within_archives_are_refused(here, options):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode='w:gz') as t:
        info = tarfile.TarInfo('x.json')
        info.size = len(b'{"Item":{"id":{"S":"2"}}}\n')
        t.addfile(info, io.BytesIO(b'{"Item":{"id":{"S":"2"}}}\n'))
    hostile(here, lambda add: add('in.tar.gz', inner.getvalue()),
            'bad.tar/in.tar.gz: is an archive within another one')
    done = subprocess.run([PROGRAM, 'cat', '-'], input=inner.getvalue(),
                          capture_output=True)
    equal(done.returncode, 3, done.stderr)
    check(done.stdout == b'' and b'unpack it first' in done.stderr, done)


def bombs_are_stopped(here, options):
    for ending in ('.tar.gz', '.zip', '.7z'):
        os.makedirs(here + '/b', exist_ok=True)
        with open(here + '/b/zeros.json', 'wb') as f:
            f.truncate(200 << 20)
        path = pack(here + '/bomb' + ending, here + '/b')
        p = plan(here, [path], tables={'Things': {'key': ['id']}})
        job = here + '/job' + ending
        r = run(p, job, status=3)
        contains(r.err, '1000 times', '--max-ratio')
        r = run(p, job, '--max-unpacked', '100M', '--max-ratio',
                '100000', status=3)
        contains(r.err, '104857600 bytes', '--max-unpacked')
        r = run(p, job, '--max-ratio', '100000', status=3)
        contains(r.err, '16 MiB')       # what is in it is no line


def damaged_archives_are_told(here, options):
    for ending in ('.tar', '.tar.gz', '.zip', '.7z'):
        path = pack(here + '/x' + ending, DATA['top'] + '/relational')
        with open(path, 'r+b') as f:
            f.truncate(os.path.getsize(path) // 2)
        r = run(relational(here, [path]), here + '/job', status=3)
        contains(r.err, 'x' + ending, 'archive')


if __name__ == '__main__':
    main([tar, tar_gz, tar_xz_backwards, tar_zst, zip_, seven_zip,
          seven_zip_of_other_methods, seven_zip_encrypted_is_refused,
          archives_side_by_side_and_in_a_folder, plain_files_in_an_archive,
          a_large_archive_is_read_once, resumed_and_limited,
          hostile_archives_are_refused,
          archives_within_archives_are_refused, bombs_are_stopped,
          damaged_archives_are_told], prepare)
