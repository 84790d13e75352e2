#include "tests/readall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "model/batch.h"

/* Bytes that end where an unmapped page begins; moved up for each block. */
struct guarded {
	uint8_t *map;
	size_t len, page;
};

static struct guarded
guard(size_t len)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct guarded g = { .page = page };

	g.len = (len + page) / page * page;
	g.map = mmap(NULL, g.len + page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(g.map != MAP_FAILED);
	assert_int_equal(mprotect(g.map + g.len, page, PROT_NONE), 0);
	return g;
}

static void
end_text(struct buf *b)
{
	struct err err;
	uint8_t *const p = buf_reserve(b, 1, &err);

	assert_non_null(p);
	*p = '\0';
}

static void
note(struct readall *r, const struct batch *b)
{
	struct err err;

	assert_int_equal(ddbjson_encode(b->items, b->nitems, &r->items, &err),
			 0);
	for (uint32_t i = 0; i < b->nitems; i++) {
		const struct item *const item = &b->items[i];

		/* What the line says is what the values say. */
		struct item again = *item;
		struct buf text = { 0 };
		again.map.flags &= (uint8_t)~VALUE_RAW;
		assert_int_equal(ddbjson_encode(&again, 1, &text, &err), 0);
		assert_int_equal(text.len, item->line.len + 1);
		assert_memory_equal(text.ptr, item->line.ptr, item->line.len);
		buf_free(&text);
		assert_int_equal(buf_printf(&r->places, &err, "%llu@%llu ",
			(unsigned long long)item->number,
			(unsigned long long)item->offset), 0);
	}
	for (uint32_t i = 0; i < b->nrejects; i++)
		assert_int_equal(buf_printf(&r->rejects, &err,
			"%llu:%llu: %s\n",
			(unsigned long long)b->rejects[i].number,
			(unsigned long long)b->rejects[i].at + 1,
			b->rejects[i].why.text), 0);
}

struct readall
readall_of(const struct item_format *format, const struct item_rules *rules,
	   struct span text, size_t block)
{
	struct readall r = { .rc = 0 };
	struct batch b = { 0 };
	struct guarded g = guard(text.len);
	size_t at = 0, want;
	void *const state = format->decode_start(rules, &r.err);

	assert_non_null(state);
	format->decode_rewind(state);
	if (block == 0)
		block = text.len;
	want = block;
	do {
		const size_t left = text.len - at;
		const size_t n = want < left ? want : left;
		uint8_t *const p = g.map + g.len - n;
		size_t used = 0;

		if (n > 0)
			memcpy(p, text.ptr + at, n);
		batch_reset(&b);
		r.rc = format->decode(state, (struct span){ p, n }, n == left,
				      &b, &used, &r.err);
		if (r.rc != 0)
			break;
		assert_true(used <= n);
		assert_true(n < left || used > 0 || n == 0);
		note(&r, &b);
		at += used;
		want = used > 0 ? block : 2 * n + 1;
	} while (at < text.len);
	if (r.rc == 0 && format->decode_end != NULL)
		r.rc = format->decode_end(state, &r.err);
	format->decode_stop(state);
	batch_free(&b);
	munmap(g.map, g.len + g.page);
	end_text(&r.items);
	end_text(&r.rejects);
	end_text(&r.places);
	return r;
}

void
readall_free(struct readall *r)
{
	buf_free(&r->items);
	buf_free(&r->rejects);
	buf_free(&r->places);
}

void
readall_same(const struct item_format *format, const struct item_rules *rules,
	     struct span text, size_t most)
{
	struct readall all = readall_of(format, rules, text, 0);

	for (size_t n = 1; n <= most; n++) {
		struct readall some = readall_of(format, rules, text, n);

		assert_string_equal((char *)some.items.ptr,
				    (char *)all.items.ptr);
		assert_string_equal((char *)some.rejects.ptr,
				    (char *)all.rejects.ptr);
		assert_string_equal((char *)some.places.ptr,
				    (char *)all.places.ptr);
		assert_int_equal(some.rc, all.rc);
		readall_free(&some);
	}
	readall_free(&all);
}
