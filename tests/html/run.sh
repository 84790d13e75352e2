#!/bin/sh
# The pages of the texts in this folder: well-formed (wellformed.py), and as they
# should be in a browser (browser.mjs).
#
#	tests/html/run.sh [--tool PATH]
#
# Without python3, node or chromium, what cannot run is skipped, said so and
# counted. The last line is `N passed, N failed, N skipped`.
here=$(cd "$(dirname "$0")" && pwd)
tool=$here/../../build/opt/tool_html
[ "${1-}" = --tool ] && tool=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0
skipped=0

# attempt WHAT COMMAND...: one test, which is that the command succeeds.
attempt() {
	what=$1
	shift
	if "$@" >"$tmp/log" 2>&1; then
		passed=$((passed + 1))
	else
		echo "FAILED: $what"
		cat "$tmp/log"
		failed=$((failed + 1))
	fi
}

skip() {
	echo "skipped: $2"
	skipped=$((skipped + $1))
}

make_page() {
	"$tool" "$2" <"$here/$1.json" >"$tmp/$1.html"
}

for name in report analysis hostile-report hostile-analysis; do
	attempt "make $name.html" make_page $name ${name#hostile-}
	if command -v python3 >/dev/null; then
		attempt "$name.html is well-formed" \
			python3 "$here/wellformed.py" "$tmp/$name.html"
	else
		skip 1 "there is no python3"
	fi
done

if command -v node >/dev/null; then
	timeout 300 node "$here/browser.mjs" "$tmp" >"$tmp/log" 2>&1
	cat "$tmp/log" | sed '$d'
	set -- $(tail -n 1 "$tmp/log" |
		sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) .*/\1 \2 \3/p')
	if [ $# -eq 3 ]; then
		passed=$((passed + $1))
		failed=$((failed + $2))
		skipped=$((skipped + $3))
	else
		tail -n 1 "$tmp/log"
		failed=$((failed + 1))
	fi
else
	skip 1 "node is not installed"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
