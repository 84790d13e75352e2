# pages.awk - man pages and completion from the texts of help; see scripts/pages.
#
# What it holds the texts to, which is how they are written:
#
#	usage: dynamill COMMAND ...	up to an empty line; a line that goes on
#					is indented deeper than "dynamill"
#	  --option VALUE, -o  text	an option: two spaces, names, each with its
#					value, text two spaces on or below
#	Exit status: 0 ...; 1 ...	to the end
#	anything else			text; indented lines stand as they are
#
# A VALUE of a|b|c is one of these words, 1-9 a digit; DIR and JOB are folders;
# PLAN, FILE, DUMP, FIXTURES, A and B are files. A command whose argument is
# VERB takes the words that its usage has there, and then perhaps files. "repeatable" in the text of an
# option says that it is.

function fail(why) {
	printf "pages: %s, in the help of '%s': %s\n", why, command, $0 \
		>"/dev/stderr"
	failed = 1
	exit 1
}

# ---- the texts, read ----

/^@/ {
	command = substr($0, 2)
	part = "top"
	if (command != "")
		order[++ncommands] = command
	next
}

command == "" && /^commands$/ { part = "commands"; next }
command == "" && part == "commands" && /^  / { take_command(); next }
/^usage: / { part = "usage" }
/^Exit status: / { part = "status"; sub(/^Exit status: /, "") }
part != "status" && /^$/ { end_paragraph(); part = "text"; next }
part == "usage" {
	if (sub(/^(usage:|      ) dynamill/, "dynamill"))
		usage[command, ++nusage[command]] = $0
	else if (sub(/^  +/, " "))
		usage[command, nusage[command]] = usage[command, nusage[command]] $0
	else
		fail("usage not understood")
	next
}
part == "status" {
	status[command] = status[command] (status[command] == "" ? "" : " ") $0
	next
}
/^  --?[a-z]/ { end_paragraph(); part = "options"; take_option(); next }
part == "options" {
	if (!sub(/^       +/, ""))
		fail("option not understood")
	add_option_text($0)
	next
}
{ paragraph[++nlines] = $0 }

function take_command(    name, args, token, n, i, text) {
	text = substr($0, 3)
	name = text
	sub(/ .*/, "", name)
	text = substr(text, length(name) + 1)
	sub(/^ +/, "", text)
	args = ""
	n = split(text, token, " ")
	for (i = 1; i <= n && token[i] ~ /^\[?[A-Z]+\]?(\.\.\.)?\]?$/; i++) {
		args = args (args == "" ? "" : " ") token[i]
		text = substr(text, length(token[i]) + 1)
		sub(/^ +/, "", text)
	}
	if (name !~ /^[a-z][a-z-]*$/ || text == "")
		fail("command not understood")
	listed[++nlisted] = name
	arguments[name] = args
	summary[name] = text
}

# The names of a line, each with its value, then its text.
function take_option(    text, name, value, first) {
	text = substr($0, 3)
	first = 1
	while (match(text, /^--?[a-z][a-z-]*/)) {
		name = substr(text, 1, RLENGTH)
		text = substr(text, RLENGTH + 1)
		value = ""
		if (match(text, /^ [^ -][^ ]*/) &&
		    substr(text, 2, 1) ~ /[A-Z0-9]/ ||
		    match(text, /^ [^ ]*\|[^ ]*/)) {
			value = substr(text, 2, RLENGTH - 1)
			text = substr(text, RLENGTH + 1)
			if (sub(/,$/, "", value))
				text = "," text
		}
		if ((command, name) in known)
			fail("option '" name "' said twice")
		known[command, name] = 1
		options[command, ++noptions[command]] = name
		takes[command, noptions[command]] = value
		joined[command, noptions[command]] = !first
		first = 0
		if (!sub(/^, /, "", text) && text ~ /^ -/)
			sub(/^ /, "", text)
	}
	if (first || text != "" && text !~ /^ /)
		fail("option not understood")
	sub(/^ +/, "", text)
	if (text != "")
		add_option_text(text)
}

# To the last option, and to those before it on its line.
function add_option_text(text,    i) {
	for (i = noptions[command]; i > 0; i--) {
		said[command, i] = said[command, i] \
			(said[command, i] == "" ? "" : " ") text
		if (!joined[command, i])
			break
	}
}

# Lines that were gathered: filled text, or as they stand if indented.
function end_paragraph(    i, verbatim, s) {
	if (nlines == 0)
		return
	s = ".PP\n"
	verbatim = 0
	for (i = 1; i <= nlines; i++) {
		if (!verbatim && paragraph[i] ~ /^  /) {
			s = s ".PP\n.RS 4\n.nf\n"
			verbatim = 1
		} else if (verbatim && paragraph[i] !~ /^  /) {
			s = s ".fi\n.RE\n"
			verbatim = 0
		}
		s = s line(verbatim ? roff(substr(paragraph[i], 3)) \
			 : words(paragraph[i]))
	}
	body[command] = body[command] s (verbatim ? ".fi\n.RE\n" : "")
	nlines = 0
}

END {
	if (failed)
		exit 1
	end_paragraph()
	check()
	program_page()
	for (k = 1; k <= ncommands; k++)
		command_page(order[k])
	bash()
	zsh()
	fish()
}

function check(    i, j, c, s) {
	for (i = 1; i <= ncommands; i++) {
		c = order[i]
		verbs(c)
		for (j = 1; j <= nusage[c]; j++) {
			s = usage[c, j]
			while (match(s, /[ [|]--?[a-z][a-z-]*/)) {
				$0 = substr(s, RSTART + 1, RLENGTH - 1)
				s = substr(s, RSTART + RLENGTH)
				# analyze is also called run --dry-run.
				if ((c, $0) in known || $0 == "--dry-run")
					continue
				command = c
				fail("an option of the usage not explained")
			}
		}
		for (j = 1; j <= noptions[c]; j++)
			if (said[c, j] == "") {
				command = c
				$0 = options[c, j]
				fail("nothing said of an option")
			}
		if (nusage[c] == 0 || status[c] == "") {
			command = c
			fail("no usage or no exit status")
		}
		# Of use to each, and said by none.
		options[c, ++noptions[c]] = "--help"
		said[c, noptions[c]] = "this help"
	}
}

# ---- man pages ----

function roff(s) {
	gsub(/\\/, "\\e", s)
	gsub(/-/, "\\-", s)
	gsub(/'/, "\\(aq", s)
	gsub(/`/, "\\(ga", s)
	gsub(/\^/, "\\(ha", s)
	gsub(/~/, "\\(ti", s)
	return s
}

# A line of text, which must not begin a request.
function line(s) {
	return (s ~ /^[.]/ ? "\\&" : "") s "\n"
}

# Running text with options bold.
function words(s,    out) {
	out = ""
	while (match(s, /(^|[ (,])--?[a-z][a-z-]*[a-z]/)) {
		if (substr(s, RSTART, 1) != "-") {
			RSTART++
			RLENGTH--
		}
		out = out roff(substr(s, 1, RSTART - 1)) "\\fB" \
			roff(substr(s, RSTART, RLENGTH)) "\\fR"
		s = substr(s, RSTART + RLENGTH)
	}
	return out roff(s)
}

# A piece of a command line: what is typed bold, what stands for it italic.
function typed(s,    out) {
	out = ""
	while (match(s, /[A-Z][A-Z]*|[a-z0-9-][a-z0-9-]*/)) {
		out = out roff(substr(s, 1, RSTART - 1)) \
			(substr(s, RSTART, 1) ~ /[A-Z]/ ? "\\fI" : "\\fB") \
			roff(substr(s, RSTART, RLENGTH)) "\\fR"
		s = substr(s, RSTART + RLENGTH)
	}
	return out roff(s)
}

function title(name) {
	return ".\\\" Made from the program's own help; do not edit.\n.TH " \
		toupper(roff(name)) " 1 " date " \"dynamill " version \
		"\" \"User Commands\"\n.nh\n"
}

function command_page(c,    file, i, s, n) {
	file = out "/man/man1/dynamill-" c ".1"
	printf "%s.SH NAME\ndynamill\\-%s \\- %s\n.SH SYNOPSIS\n", \
		title("dynamill-" c), roff(c), roff(summary[c]) >file
	for (i = 1; i <= nusage[c]; i++)
		printf "%s%s\n", (i > 1 ? ".br\n" : ""), \
			typed(usage[c, i]) >file
	sub(/^\.PP\n/, "", body[c])
	printf ".SH DESCRIPTION\n%s", body[c] >file
	printf ".SH OPTIONS\n" >file
	for (i = 1; i <= noptions[c]; i++) {
		s = joined[c, i] ? s ", " : ".TP\n"
		s = s typed(options[c, i] (takes[c, i] == "" ? "" : \
			" " takes[c, i]))
		if (!joined[c, i + 1])
			printf "%s\n%s", s, line(words(said[c, i])) >file
	}
	printf ".SH EXIT STATUS\n" >file
	s = status[c]
	sub(/\.$/, "", s)
	while (match(s, /; [0-9]+ /)) {
		n = RSTART	# state() matches too
		state(substr(s, 1, n - 1), file)
		s = substr(s, n + 2)
	}
	state(s, file)
	printf ".SH SEE ALSO\n.BR dynamill (1)\n.PP\n" \
		"The documents that are named docs/ are at\n" \
		".IR share/doc/dynamill/docs/ ,\nwhere the program is " \
		"installed.\n" >file
	close(file)
}

function state(s, file,    number) {
	number = s
	sub(/ .*/, "", number)
	printf ".TP\n.B %s\n%s", number, \
		line(words(substr(s, length(number) + 2))) >file
}

# The page of the program: its commands, then what docs/dynamill.1.in says.
function program_page(    file, i, c, s) {
	file = out "/man/man1/dynamill.1"
	printf "%s.SH NAME\ndynamill \\- transform DynamoDB table exports " \
		"offline, by a plan\n.SH SYNOPSIS\n", title("dynamill") >file
	for (i = 1; i <= nlisted; i++)
		printf "%s%s\n", (i > 1 ? ".br\n" : ""), \
			typed("dynamill " listed[i] \
			(arguments[listed[i]] == "" ? "" \
			 : " " arguments[listed[i]]) \
			(nusage[listed[i]] > 0 ? " [OPTIONS]" : "")) >file
	printf ".SH DESCRIPTION\n" >file
	while ((getline s <rest) > 0 && s != "@COMMANDS@")
		if (s !~ /^\.\\"/)
			print s >file
	printf ".SH COMMANDS\n" >file
	for (i = 1; i <= nlisted; i++) {
		c = listed[i]
		printf ".TP\n%s\n%s", (nusage[c] > 0 ? \
			".BR dynamill\\-" roff(c) " (1)" : ".B " roff(c)), \
			line(words(summary[c])) >file
	}
	while ((getline s <rest) > 0)
		print s >file
	close(file)
}

# ---- completion ----

# What kind of thing a value is: words, folder, plan, file, or nothing.
function kind(value) {
	gsub(/\[|\]|\./, "", value)
	sub(/ .*/, "", value)
	if (value ~ /\|/ || value ~ /^[0-9]-[0-9]$/)
		return "words"
	if (value == "DIR" || value == "JOB")
		return "folder"
	if (value == "PLAN")
		return "plan"
	if (value ~ /^(FILE|DUMP|FIXTURES|A|B)$/)
		return "file"
	return value == "" ? "" : "other"
}

function choices(value,    i, s) {
	if (value ~ /^[0-9]-[0-9]$/) {
		for (i = substr(value, 1, 1) + 0; i <= substr(value, 3) + 0; i++)
			s = s (s == "" ? "" : " ") i
		return s
	}
	gsub(/\|/, " ", value)
	return value
}

# What may stand for VERB, by the usage.
function verbs(c,    i, s, part) {
	if (arguments[c] != "VERB")
		return ""
	for (i = 1; i <= nusage[c]; i++)
		if (split(usage[c, i], part, " ") > 2 &&
		    part[3] ~ /^[a-z][a-z-]*$/)
			s = s (s == "" ? "" : " ") part[3]
	if (s == "") {
		command = c
		fail("no verbs in the usage")
	}
	return s
}

# What kind of thing the arguments of a command are.
function argument_kind(c) {
	return arguments[c] == "VERB" ? "file" : kind(arguments[c])
}

# The first few words of an option's text, fit for single quotes.
function brief(s) {
	gsub(/ \([^)]*\)|\.\.\. /, "", s)
	sub(/[.;:?] .*/, "", s)
	sub(/[.;:]$/, "", s)
	return quoted(s)
}

function quoted(s) {
	gsub(/'/, "'\\''", s)
	return s
}

function all_commands(which,    i, s) {
	for (i = 1; i <= nlisted; i++)
		if (which == "" || nusage[listed[i]] > 0)
			s = s (s == "" ? "" : " ") listed[i]
	return s
}

function made(file, first) {
	printf "%s# Completion of dynamill %s; made from its own help, do not " \
		"edit.\n", first, version >file
}

function bash(    file, i, j, c, k, s) {
	file = out "/bash-completion/completions/dynamill"
	made(file, "")
	printf "_dynamill() {\n" \
"	local word=${COMP_WORDS[COMP_CWORD]} options= kind= words= IFS=$' \\t\\n'\n" \
"	local before=${COMP_WORDS[COMP_CWORD-1]}\n\n" \
"	# --option=value comes as three words.\n" \
"	if [ \"$word\" = = ]; then\n" \
"		word=\n" \
"	elif [ \"$before\" = = ]; then\n" \
"		before=${COMP_WORDS[COMP_CWORD-2]}\n" \
"	fi\n" \
"	COMPREPLY=()\n" \
"	if [ \"$COMP_CWORD\" -eq 1 ]; then\n" \
"		COMPREPLY=($(compgen -W '%s' -- \"$word\"))\n" \
"		return\n" \
"	fi\n" \
"	case ${COMP_WORDS[1]} in\n" \
"	help)\n" \
"		kind=words words='%s' ;;\n", all_commands(""), \
		all_commands("pages") >file
	for (i = 1; i <= ncommands; i++) {
		c = order[i]
		s = ""
		for (j = 1; j <= noptions[c]; j++)
			s = s (s == "" ? "" : " ") options[c, j]
		printf "\t%s)\n\t\toptions='%s'\n\t\tkind=%s\n", c, s, \
			argument_kind(c) >file
		if (verbs(c) != "")
			printf "\t\t[ \"$COMP_CWORD\" -ne 2 ] || " \
				"kind=words words='%s'\n", verbs(c) >file
		printf "\t\tcase $before in\n" >file
		for (j = 1; j <= noptions[c]; j++) {
			if (takes[c, j] == "")
				continue
			k = kind(takes[c, j])
			printf "\t\t%s) options= kind=%s", options[c, j], \
				k >file
			if (k == "words")
				printf " words='%s'", \
					choices(takes[c, j]) >file
			printf " ;;\n" >file
		}
		printf "\t\tesac ;;\n" >file
	}
	printf \
"	*)	return ;;\n" \
"	esac\n" \
"	if [[ $word == -* && -n $options ]]; then\n" \
"		COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n" \
"		return\n" \
"	fi\n" \
"	if [ \"$kind\" = words ]; then\n" \
"		COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n" \
"		return\n" \
"	fi\n" \
"	IFS=$'\\n'	# names of files may have spaces\n" \
"	compopt -o filenames 2>/dev/null\n" \
"	case $kind in\n" \
"	folder)	COMPREPLY=($(compgen -d -- \"$word\")) ;;\n" \
"	file)	COMPREPLY=($(compgen -f -- \"$word\")) ;;\n" \
"	plan)	COMPREPLY=($(compgen -d -- \"$word\"\n" \
"			compgen -f -X '!*.yaml' -- \"$word\"\n" \
"			compgen -f -X '!*.yml' -- \"$word\")) ;;\n" \
"	esac\n" \
"}\n" \
"complete -F _dynamill dynamill\n" >file
	close(file)
}

# What zsh does for a value.
function zsh_action(value,    k) {
	k = kind(value)
	if (k == "words")
		return "(" choices(value) ")"
	if (k == "folder")
		return "_files -/"
	if (k == "plan")
		return "_files -g \"*.(yaml|yml)(-.)\""
	return k == "file" ? "_files" : " "
}

function zsh_text(s) {
	s = brief(s)
	gsub(/\[/, "\\[", s)
	gsub(/\]/, "\\]", s)
	return s
}

function zsh(    file, i, j, c, v) {
	file = out "/zsh/site-functions/_dynamill"
	made(file, "#compdef dynamill\n")
	printf "local curcontext=$curcontext state line\n" \
		"local -a commands\n\ncommands=(\n" >file
	for (i = 1; i <= nlisted; i++)
		printf "\t'%s:%s'\n", listed[i], quoted(summary[listed[i]]) >file
	printf ")\n" \
"_arguments -C '1: :->command' '*:: :->rest'\n" \
"case $state in\n" \
"command)\n\t_describe command commands\n\treturn ;;\n" \
"rest)	;;\n" \
"*)	return ;;\n" \
"esac\n" \
"case $words[1] in\n" \
"help)\n\t_arguments '1:command:(%s)' ;;\n", all_commands("pages") >file
	for (i = 1; i <= ncommands; i++) {
		c = order[i]
		printf "%s)\n\t_arguments", c >file
		for (j = 1; j <= noptions[c]; j++) {
			v = takes[c, j]
			printf " \\\n\t\t'%s%s[%s]%s'", \
				(said[c, j] ~ /repeatable/ ? "*" : ""), \
				options[c, j], zsh_text(said[c, j]), \
				(v == "" ? "" : ":" (kind(v) == "words" ? \
				"value" : tolower(v)) ":" zsh_action(v)) >file
		}
		v = verbs(c) == "" ? arguments[c] : "FILE"
		if (verbs(c) != "")
			printf " \\\n\t\t'1:verb:(%s)'", verbs(c) >file
		if (v != "")
			printf " \\\n\t\t'*:%s:%s'", kind(v), \
				zsh_action(v) >file
		printf " ;;\n" >file
	}
	printf "esac\n" >file
	close(file)
}

function fish(    file, i, j, c, k, v, on, first) {
	file = out "/fish/vendor_completions.d/dynamill.fish"
	made(file, "")
	printf \
"function __dynamill_command\n" \
"	set -l words (commandline -opc)\n" \
"	test (count $words) -gt 1; and test $words[2] = $argv[1]\n" \
"end\n" \
"function __dynamill_plans\n" \
"	__fish_complete_suffix .yaml\n" \
"end\n" \
"complete -c dynamill -f\n" >file
	for (i = 1; i <= nlisted; i++)
		printf "complete -c dynamill -n 'test (count (commandline " \
			"-opc)) -eq 1' -a %s -d '%s'\n", listed[i], \
			quoted(summary[listed[i]]) >file
	printf "complete -c dynamill -n '__dynamill_command help' -a '%s'\n", \
		all_commands("pages") >file
	for (i = 1; i <= ncommands; i++) {
		c = order[i]
		on = "complete -c dynamill -n '__dynamill_command " c "'"
		k = argument_kind(c)
		if (verbs(c) != "") {
			first = "test (count (commandline -opc)) -eq 2"
			printf "complete -c dynamill -n '__dynamill_command %s" \
				"; and %s' -a '%s'\n", c, first, verbs(c) >file
			sub(/-eq 2/, "-gt 2", first)
			printf "complete -c dynamill -n '__dynamill_command %s" \
				"; and %s' -F\n", c, first >file
		} else if (k == "file")
			print on " -F" >file
		else if (k == "plan")
			print on " -k -a '(__dynamill_plans)'" >file
		for (j = 1; j <= noptions[c]; j++) {
			v = options[c, j]
			printf "%s %s", on, (v ~ /^--/ ? \
				"-l " substr(v, 3) : "-s " substr(v, 2)) >file
			k = kind(takes[c, j])
			if (k == "words")
				printf " -x -a '%s'", choices(takes[c, j]) >file
			else if (k == "folder")
				printf " -x -a '(__fish_complete_directories)'" >file
			else if (k == "plan")
				printf " -x -k -a '(__dynamill_plans)'" >file
			else if (k == "file")
				printf " -r -F" >file
			else if (k != "")
				printf " -x" >file
			printf " -d '%s'\n", brief(said[c, j]) >file
		}
	}
	close(file)
}
