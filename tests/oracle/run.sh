#!/bin/sh
# dynamill against the oracle: each plan in plans/ is run by both on the
# fixtures, and the items compared; boto3 reads what dynamill wrote.  Ends with
#
#	N passed, N failed, N skipped
#
#	tests/oracle/run.sh [--program PATH]
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
program=$root/build/dynamill
[ "$1" = --program ] && program=$2

passed=0 failed=0 skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ORACLE_SECRET=sixteen-bytes-at-least
export ORACLE_SECRET

# try NAME COMMAND...: run it and count; its output is shown if it fails.
try()
{
	label=$1
	shift
	"$@" >"$work/log" 2>&1
	case $? in
	0) passed=$((passed + 1)) ;;
	77) skipped=$((skipped + 1)); cat "$work/log" ;;
	*)
		failed=$((failed + 1))
		echo "FAILED: $label"
		sed 's/^/	/' "$work/log" | cut -c 1-300 | head -n 40
	esac
}

command -v python3 >/dev/null || {
	echo "skipped: python3 is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}

try "the oracle's own check" python3 "$here/oracle.py" --self-test

python=python3
[ -x /usr/bin/python3 ] && python=/usr/bin/python3	# has Debian's boto3

for plan in "$here"/plans/*.json; do
	name=$(basename "$plan" .json)
	try "$name, by the oracle" python3 "$here/oracle.py" "$plan" \
		"$root/fixtures/relational" -o "$work/$name.want"
	if ! [ -x "$program" ]; then
		echo "skipped $name: there is no $program"
		skipped=$((skipped + 3))
		continue
	fi
	try "$name, by dynamill" "$program" run "$plan" --quiet --yes \
		--job "$work/$name.job"
	try "$name: the items" python3 "$here/same_items.py" \
		"$work/$name.want" "$work/$name.job/out"
	try "$name: as boto3 reads it" "$python" "$here/boto_read.py" \
		"$work/$name.job/out"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
