#!/bin/sh
# Make sure that the servers' packages are there, then run a command with a
# DynamoDB that others wrote on a free port of 127.0.0.1:
#
#	tests/servers/up.sh COMMAND [ARGUMENT...]
#
# The command finds its address in DYNAMODB_URL; the server ends when the
# command does.  Without a command: only install.  Exit status 77 says that
# there is nothing to run the server with (no node, or no packages and no
# network to get them from), and the reason is on standard error.
here=$(cd "$(dirname "$0")" && pwd)

skip()
{
	echo "skipped: $1" >&2
	exit 77
}

command -v node >/dev/null || skip "node is not installed"
if ! [ -d "$here/node_modules/dynalite" ] ||
   ! [ -d "$here/node_modules/@20minutes" ]; then
	command -v npm >/dev/null || skip "npm is not installed"
	log=$(mktemp)
	(cd "$here" && npm ci --no-audit --no-fund --ignore-scripts) \
		>"$log" 2>&1 || {
		tail -n 3 "$log" >&2
		rm -f "$log"
		rm -rf "$here/node_modules"
		skip "npm ci in tests/servers did not get the packages"
	}
	rm -f "$log"
fi
[ $# -eq 0 ] && exit 0
# s3rver hashes with an MD4 for its pages.
exec node --openssl-legacy-provider "$here/up.mjs" "$@"
