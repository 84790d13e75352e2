#!/bin/sh
# Check what the compiler does not: banned functions, `typedef struct`, `..` in
# an include, a TODO without a name, trailing space, long lines, long
# files, a file without a head comment.
# A tab counts as one character of the 80, so that a wrapped comment may be
# indented. VLAs are the compiler's business (-Wvla).
set -u
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

code=$(find src formats tests bench -name '*.[ch]' \
	-not -path '*/node_modules/*' 2>/dev/null | sort)
text="$code $(find scripts docs Makefile README.md -type f \
	-not -name '*.png' 2>/dev/null | sort)"
banned='strcpy|strcat|sprintf|gets|strtok|atoi|atol|sscanf|alloca'
banned="$banned|popen|localtime|gmtime|strerror"

# Print every file with comments and strings blanked, as FILE:LINE: text.
bare() {
	awk '
	FNR == 1 { inside = 0 }
	{
		line = $0; out = ""
		while (line != "") {
			if (inside) {
				at = index(line, "*/")
				if (!at) break
				line = substr(line, at + 2); inside = 0
			} else if (match(line,
					 /"([^"\\]|\\.)*"|\/\*|\/\//)) {
				out = out substr(line, 1, RSTART - 1)
				hit = substr(line, RSTART, RLENGTH)
				line = substr(line, RSTART + RLENGTH)
				if (hit == "/*") inside = 1
				else if (hit == "//") line = ""
				else out = out "\"\""
			} else {
				out = out line; line = ""
			}
		}
		print FILENAME ":" FNR ": " out
	}' "$@"
}

# Put what is on standard input, if anything, under the heading `$1`.
say() {
	sed "s|^|$1: |"
}

find_all() {
	grep -E "(^|[^A-Za-z0-9_])($banned) *\(" "$tmp/bare" |
		say 'banned function'
	grep -E '(^|[^A-Za-z0-9_])(setjmp|longjmp|system) *\(' "$tmp/bare" |
		grep -v '^tests/' | say 'banned function'
	grep -E '^(src|formats)/.*: *typedef +(struct|union|enum)' "$tmp/bare" |
		say 'typedef of a struct'
	grep -EnH '^# *include +".*\.\./' $code | say 'include through ..'
	grep -EnH 'TODO' $code | grep -v 'TODO([a-z]*)' |
		say 'TODO without a name'
	grep -EnH '[ 	]+$' $text | say 'trailing space'
	grep -EnH '^.{81,}' $code | say 'long line'
	for f in $code; do
		lines=$(wc -l <"$f")
		case "$f" in
		formats/*) most=1000 ;;
		src/*) most=600 ;;
		*) most=1500 ;;
		esac
		[ "$lines" -le $most ] || echo "$f: $lines lines, not $most"
		# A module's is in its header.
		[ ! -f "${f%.c}.h" ] || continue
		head -n 2 "$f" | grep -q '^/\*' ||
			echo "$f: no head comment"
	done | say 'file'
}

bare $code >"$tmp/bare"
find_all >"$tmp/found"
cat "$tmp/found" >&2
[ ! -s "$tmp/found" ]
