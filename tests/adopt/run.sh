#!/bin/sh
# What a newcomer installs: man pages, completion in real shells, `make install`
# and the Debian package, which is put into a bare Debian 12 where that can be
# had.  Ends with
#
#	N passed, N failed, N skipped
#
# DEBIAN_TAR names a tar of a minimal Debian 12 (debootstrap --variant=minbase
# bookworm) other than ${TMPDIR:-/var/tmp}/bookworm-minbase.tar.
cd "$(dirname "$0")/../.." || exit 1
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

command -v python3 >/dev/null || {
	echo "skipped: python3 is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
exec python3 tests/adopt/adopt.py
