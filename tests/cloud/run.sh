#!/bin/sh
# The definitions in scripts/cloud: held to published schemas, and their commands
# run here with the variables that Batch and Kubernetes set. Ends with
#
#	N passed, N failed, N skipped
cd "$(dirname "$0")/../.." || exit 1

command -v python3 >/dev/null || {
	echo "skipped: cloud: python3 is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
here=tests/cloud
if ! [ -d $here/node_modules ] && command -v npm >/dev/null; then
	(cd $here && npm ci --no-audit --no-fund --ignore-scripts) \
		>/dev/null 2>&1 || rm -rf $here/node_modules
fi
PYTHONDONTWRITEBYTECODE=1 exec python3 $here/cloud.py "$@"
