# make            the program at build/dynamill, optimised
# make test       unit and golden tests; V=asan, V=tsan for the sanitizers
# make check      style, layers, and that every header stands alone
V      ?= opt
O      ?= build/$(V)

FLAGS_opt  = -O2 -g -DNDEBUG
FLAGS_debug = -O1 -g
FLAGS_asan = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover
FLAGS_tsan = -O1 -g -fsanitize=thread

CC     ?= cc
WARN    = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	  -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wcast-qual \
	  -Wvla -Wundef -Werror
CFLAGS  = -std=c11 -D_GNU_SOURCE $(WARN) $(FLAGS_$(V)) -I. -Isrc
LIBS    = -lisal -lz -lzstd -lxxhash -lcrypto -lyaml -lpthread

LIB     = $(wildcard src/base/*.c src/model/*.c src/expr/*.c src/io/*.c \
	    src/aws/*.c src/engine/*.c formats/*.c)
TESTS   = $(patsubst tests/%.c,$(O)/%,$(wildcard tests/test_*.c))

all: $(TESTS)

test: $(TESTS)
	@for t in $^; do $$t || exit 1; done

check:
	sh scripts/check-layers.sh
	@for h in $$(find src formats tests -name '*.h'); do \
		echo "#include \"$$h\"" | $(CC) $(CFLAGS) -fsyntax-only -xc - || exit 1; \
	done

$(O)/test_%: $(O)/tests/test_%.o $(O)/tests/guard.o $(O)/lib.a
	$(CC) $(CFLAGS) $^ -lcmocka $(LIBS) -o $@

$(O)/lib.a: $(LIB:%.c=$(O)/%.o)
	$(AR) rcs $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

clean:
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
.PHONY: all test check clean
.SECONDARY:
