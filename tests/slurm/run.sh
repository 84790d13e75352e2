#!/bin/sh
# scripts/slurm under a real Slurm: that of this machine, or one of its own for as
# long as this takes. --long: 1,000,000 items. Ends with
#
#	N passed, N failed, N skipped
cd "$(dirname "$0")/../.." || exit 1

command -v python3 >/dev/null || {
	echo "skipped: slurm: python3 is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
make -s build/bench/generate || :
log=$(mktemp)
trap 'rm -f "$log"' EXIT
PYTHONDONTWRITEBYTECODE=1 sh tests/slurm/up.sh \
	python3 tests/slurm/slurm.py "$@" >"$log" 2>&1
status=$?
if [ $status -eq 77 ]; then
	echo "skipped: slurm: $(tail -n 1 "$log")"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
cat "$log"
exit $status
