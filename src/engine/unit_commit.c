/* The end of a unit: was the input whole, and are all files in place? */
#include "engine/unit_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "engine/extra.h"
#include "engine/keyfile.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "formats/formats.h"
#include "io/sink.h"
#include "io/source.h"

int
unit_check_input(struct unit_run *r, bool *damaged, struct err *err)
{
	const struct unit *const u = r->unit;
	uint8_t md5[16];

	*damaged = false;
	if (u->max_items != 0 && r->taken >= u->max_items)
		return 0;	/* not read to its end */
	if (r->format->decode_end != NULL &&
	    r->format->decode_end(r->reader, err) != 0) {
		const struct err why = *err;

		*damaged = true;
		err_set(err, ERR_INPUT, "%s; fetch it again, or --accept %s",
			why.text, u->name);
	}
	if (!*damaged && u->has_md5) {
		if (r->kept != NULL)
			md5_end(&r->md5.md5, md5);
		else
			source_md5(r->source, md5);
		if (memcmp(md5, u->md5, sizeof(md5)) != 0) {
			*damaged = true;
			err_set(err, ERR_INPUT, "MD5 is not the one in the "
				"manifest: the file is damaged; fetch it "
				"again, or --accept %s", u->name);
		}
	}
	if (!*damaged && u->nitems >= 0 && r->items != (uint64_t)u->nitems) {
		*damaged = true;
		err_set(err, ERR_INPUT, "has %" PRIu64 " item%s, but its "
			"manifest says %" PRId64 ": fetch it again, or "
			"--accept %s", r->items, plural(r->items), u->nitems,
			u->name);
	}
	return *damaged && !u->accepted ? -1 : 0;
}

/* One more file for the record. */
static int
note_file(struct unit_run *r, const struct journal_file *f, struct err *err)
{
	if (r->nfiles == r->files_cap) {
		struct journal_file *const p = realloc(r->files,
			2 * r->files_cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		r->files = p;
		r->files_cap *= 2;
	}
	r->files[r->nfiles++] = *f;
	return 0;
}

/* Finish the file of `o` and note it for the record. */
static int
commit_output(struct unit_run *r, struct output *o, enum journal_file_kind kind,
	      uint32_t table, struct err *err)
{
	struct sink_stats stats;

	if (o->sink == NULL)
		return 0;
	if (sink_commit(o->sink, &stats, err) != 0)
		return -1;
	sink_close(o->sink);
	o->sink = NULL;

	struct journal_file f = {
		.kind = kind, .table = table, .path = span_of(o->path),
		.size = stats.packed_len, .xxh3 = stats.xxh3,
		.plain_len = stats.plain_len, .items = o->items,
	};
	if (kind == JOURNAL_OUT && r->rematching)
		f.plain_len = o->sum.len;
	memcpy(f.md5, stats.md5, sizeof(f.md5));
	return note_file(r, &f, err);
}

int
unit_cut_output(struct unit_run *r, uint32_t table, struct err *err)
{
	const struct item_format *const f = r->shared->format;
	struct output *const o = unit_output(r, table);
	const size_t n = r->nfiles;

	if (f->encode_end(o->encoder, &o->text, err) != 0)
		return -1;
	if (r->shared->survey) {
		buf_reset(&o->text);
		return 0;
	}
	if (unit_pass_on(r, o, &o->text, o->text.len, true, err) != 0 ||
	    commit_output(r, o, JOURNAL_OUT, r->shared->targets[table].number,
			  err) != 0)
		return -1;
	/* The name is needed for the next. */
	if (r->nfiles > n) {
		r->files[n].path = arena_copy(&r->paths, r->files[n].path, err);
		if (r->files[n].path.ptr == NULL)
			return -1;
	}
	o->items = 0;
	o->part++;
	unit_name_output(r, table);
	return 0;
}

/* Counts of this unit as the journal takes them. */
static size_t
tally(struct unit_run *r)
{
	const struct program_sums *const sums = program_sums_of(r->program);
	size_t n = 0;

	for (uint32_t i = 0; i < r->shared->plan->ntables; i++) {
		const struct counts *const c = &sums->counts[i];

		if (c->read == 0)
			continue;
		r->tallies[n++] = (struct journal_tally){
			.table = i,
			.n = {
				[JOURNAL_READ] = c->read,
				[JOURNAL_MOVED] = c->moved,
				[JOURNAL_FILTERED] = c->filtered,
				[JOURNAL_SKIPPED] = c->skipped,
				[JOURNAL_DROPPED] = c->dropped,
				[JOURNAL_DUPLICATE] = c->duplicate,
				[JOURNAL_REJECTED] = c->rejected,
			},
		};
	}
	return n;
}

int
unit_commit(struct unit_run *r, bool damaged, struct err *err)
{
	const struct run_shared *const s = r->shared;
	const struct program_sums *const sums = program_sums_of(r->program);
	const struct source_stats in = source_stats(r->source);
	struct keyfile_info info;
	char keys[64];

	for (uint32_t i = 0; i < s->plan->ntables; i++)
		if ((i < s->ntargets &&
		     (commit_output(r, &r->outputs[i], JOURNAL_OUT, i,
				    err) != 0 ||
		      commit_output(r, &r->deletes[i], JOURNAL_DELETES, i,
				    err) != 0)) ||
		    commit_output(r, &r->rejects[i], JOURNAL_REJECTS, i,
				  err) != 0)
			return -1;
	if (keyfile_commit(r->keys, &info, err) != 0)
		return -1;
	keyfile_path(r->unit->number, keys, sizeof(keys));
	if (note_file(r, &(struct journal_file){
		.kind = JOURNAL_KEYS, .path = span_of(keys),
		.size = info.size, .xxh3 = info.xxh3, .items = info.records,
	}, err) != 0)
		return -1;

	const struct extra extra = {
		.packed_len = in.packed_len, .plain_len = in.plain_len,
		.blank_lines = r->blanks + r->format->decode_blanks(r->reader),
		.damaged = damaged, .superseded = r->superseded,
		.gone = r->gone, .deleted = r->deleted,
		.types = sums->types, .left = sums->left,
		.written = r->written, .lost = r->lost,
		.counts = sums->counts,
	};
	buf_reset(&r->extra);
	if (extra_write(&extra, s->plan->ntables, program_nleft(s->program),
			&r->extra, err) != 0)
		return -1;
	return journal_add(s->journal, &(struct journal_unit){
		.unit = r->unit->number, .tallies = r->tallies,
		.ntallies = tally(r), .files = r->files, .nfiles = r->nfiles,
		.extra = buf_span(&r->extra),
	}, err);
}

