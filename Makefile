# make            the program, at build/dynamill, optimised
# make test       unit and golden tests; V=debug, V=asan, V=tsan for the others
# make check      style, layers, and that every header stands alone
# make bench      the benchmark's programs, at build/bench/, and its short form
# make fuzz       the fuzzers (clang), at build/fuzz/; make replay runs the corpora
# make install    to PREFIX (/usr/local), under DESTDIR if that is set; likewise
#                 make uninstall
# make pages      man pages and completion, at build/opt/share/
# make deb        a package for this Debian, at build/
# make clean      no more build/
#
# CC=clang and CC=aarch64-linux-gnu-gcc get folders of their own; Q= shows the
# commands.
V      ?= opt
PREFIX ?= /usr/local
Q      ?= @
SAY     = $(if $(findstring s,$(firstword -$(MAKEFLAGS))),@:,@echo)

ifeq ($(origin CC),default)
CC      = gcc
endif
O      ?= build/$(V)$(if $(filter gcc cc,$(CC)),,-$(notdir $(firstword $(CC))))

CFLAGS_opt   = -O2 -g -DNDEBUG
CFLAGS_debug = -O1 -g
CFLAGS_asan  = -O1 -g -fno-omit-frame-pointer
CFLAGS_tsan  = -O1 -g
CFLAGS_fuzz  = -O1 -g
CFLAGS ?= $(CFLAGS_$(V))

# Not in CFLAGS: whoever brings flags of their own still gets what V says.
SAN_asan = -fsanitize=address,undefined -fno-sanitize-recover
SAN_tsan = -fsanitize=thread
SAN_fuzz = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover

WERROR ?= -Werror
WARN    = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	  -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wcast-qual \
	  -Wvla -Wundef $(WERROR)
COMPILE = $(CC) -std=c11 -D_GNU_SOURCE $(WARN) -I. -Isrc $(CPPFLAGS) \
	  $(CFLAGS) $(SAN_$(V))
LINK    = $(CC) $(CFLAGS) $(SAN_$(V)) $(LDFLAGS)
LDFLAGS_file = -Wl,--wrap=read,--wrap=writev,--wrap=fsync,--wrap=syncfs \
	  -Wl,--wrap=renameat
LDFLAGS_job = $(LDFLAGS_file)
LDFLAGS_direct = -Wl,--wrap=pread,--wrap=pwrite
LDFLAGS_journal = $(LDFLAGS_file)
LIBS    = -lisal -lz -lzstd -lxxhash -lcrypto -lyaml -lluajit-5.1 -lpthread \
	  -lm -ldl
LIBS_members = -larchive	# its test writes archives

LIB     = $(wildcard src/base/*.c src/model/*.c src/expr/*.c src/io/*.c \
	    src/aws/*.c src/engine/*.c formats/*.c)
CLI     = $(wildcard src/cli/*.c)
PROGRAM = $(if $(CLI),$(O)/dynamill,$(O)/lib.a)
TESTS   = $(patsubst tests/%.c,$(O)/%,$(wildcard tests/test_*.c))
TOOLS   = $(patsubst tests/%.c,$(O)/%,$(wildcard tests/tool_*.c))
SUPPORT = $(filter-out tests/test_%.c tests/tool_%.c,$(wildcard tests/*.c))
FUZZERS = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES = $(patsubst bench/%.c,build/bench/%,$(wildcard bench/*.c))
PAGE    = html_style=src/engine/html/page.css \
	  html_script=src/engine/html/page.js
HEADERS = $(wildcard src/*/*.h formats/*.h tests/*.h tests/*/*.h bench/*.h)

# One long chain of steps, which sanitizers take minutes to compile.  It reads
# what its callers give it, whole blocks; tests put those against guard pages.
$(O)/src/base/md5_x86.o: SAN_$(V) =

all: $(PROGRAM)
ifeq ($(V),opt)
	@$(if $(CLI),ln -sf $(O:build/%=%)/dynamill build/dynamill)
endif

test: unit golden

unit: $(TESTS:%=%.run) $(TOOLS)

tests: $(TESTS) $(TOOLS)

%.run: %
	$(SAY) "  test $(<F)"; $<

golden: all
	@DYNAMILL=$(CURDIR)/$(O)/dynamill sh scripts/golden

check:
	sh scripts/check-layers.sh
	sh scripts/check-style.sh
	@for h in $(HEADERS); do echo "#include \"$$h\"" | \
		$(COMPILE) -fsyntax-only -xc - || exit 1; done

benches: $(BENCHES)

bench: all benches
	sh scripts/bench short

fuzz:
	$(MAKE) V=fuzz CC=clang O=build/fuzz fuzzers

fuzzers: $(FUZZERS:%=$(O)/fuzz_%)

replay: $(FUZZERS:%=$(O)/replay_%)
	@for f in $(FUZZERS); do $(O)/replay_$$f fixtures tests/fuzz/corpus \
		|| exit 1; done

pages: $(O)/share/man

# Made of what --help says, so that is what they say.
$(O)/share/man: $(O)/dynamill scripts/pages scripts/pages.awk \
		docs/dynamill.1.in README.md $(wildcard docs/*.md docs/*.json)
	$(SAY) "  pages $(@D)"
	$(Q)sh scripts/pages $(O)/dynamill $(@D)

install: $(O)/dynamill pages
	sh scripts/install $(O)/dynamill $(O)/share "$(DESTDIR)$(PREFIX)"

uninstall: pages
	sh scripts/install --remove $(O)/share "$(DESTDIR)$(PREFIX)"

deb: $(O)/dynamill pages
	sh scripts/deb $(O)/dynamill $(O)/share build

clean:
	rm -rf build

$(O)/dynamill: $(CLI:%.c=$(O)/%.o) $(O)/lib.a
	$(Q)$(LINK) $^ $(LIBS) -o $@

# From archives, so that a test may bring its own stand-ins for a module.
$(O)/test_%: $(O)/tests/test_%.o $(O)/support.a $(O)/lib.a
	$(Q)$(LINK) $(LDFLAGS_$*) $^ -lcmocka $(LIBS_$*) $(LIBS) -o $@

$(O)/tool_%: $(O)/tests/tool_%.o $(O)/lib.a
	$(Q)$(LINK) $^ $(LIBS) -o $@

$(O)/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/lib.a
	$(Q)$(LINK) -fsanitize=fuzzer $^ $(LIBS) -o $@

$(O)/replay_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(O)/lib.a
	$(Q)$(LINK) $^ $(LIBS) -o $@

# The generator stands alone: it makes the data that the rest is judged by.
build/bench/generate: $(O)/bench/generate.o
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ -lz -lcrypto -lpthread -o $@

build/bench/%: $(O)/bench/%.o $(O)/lib.a
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(LIBS) -o $@

$(O)/lib.a: $(LIB:%.c=$(O)/%.o) $(O)/page.o
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/support.a: $(SUPPORT:%.c=$(O)/%.o)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# The style sheet and the script of the pages that are made for people.
$(O)/page.c: scripts/embed $(wildcard src/engine/html/*)
	@mkdir -p $(@D)
	$(Q)sh scripts/embed $(PAGE) >$@ || { rm -f $@; exit 1; }

$(O)/page.o: $(O)/page.c
	$(Q)$(COMPILE) -c $< -o $@

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(SAY) "  cc $<"
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

-include $(shell find $(O) -type f -name '*.d' 2>/dev/null)
.PHONY: all test unit tests benches golden check bench fuzz fuzzers replay \
	pages install uninstall deb clean
.SECONDARY:
