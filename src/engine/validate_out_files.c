/*
 * validate_out_files.c - is out/ of a job whole: every manifest as its checksum
 * says, every file there, with its MD5 and its count, every line an item?
 *
 * What a job made of an increment alone are puts and deletes.  Those have
 * manifests of names of their own, which exports.c does not know (run_out.c).
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/dump.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/run_internal.h"
#include "engine/validate_internal.h"
#include "formats/csv.h"
#include "formats/ddbjson_record.h"
#include "formats/formats.h"
#include "formats/manifest.h"

enum {
	MAX_MANIFEST_LEN = 1024 * 1024 * 1024,
	MAX_SUM_LEN = 4096,
};

struct looking {
	const struct validate_options *options;
	const struct run *run;
	const char *folder;		/* out/ */
	struct dump dump;
	struct validate_sums *sums;
};

static int
damaged(struct looking *l, const char *path, const char *text, struct err *err)
{
	return validate_see(l->options, l->sums, &(struct validate_check){
		.kind = VALIDATE_DAMAGED, .name = path, .text = text,
	}, err);
}

/* ---- puts and deletes ---------------------------------------------------- */

/*
 * Load a manifest whose checksum lies beside it.  Returns 1; 0 if it is
 * damaged, which is told; or -1.
 */
static int
load(struct looking *l, const char *target, const char *name, struct buf *out,
     struct err *err)
{
	char path[PATH_MAX], sum[PATH_MAX];
	struct buf text = { 0 };
	struct err why = { 0 };
	int rc;

	snprintf(path, sizeof(path), "%s/%s/%s.json", l->folder, target, name);
	snprintf(sum, sizeof(sum), "%s/%s/%s.md5", l->folder, target, name);
	rc = place_load(path, MAX_MANIFEST_LEN, out, &why);
	if (rc == 0)
		rc = place_load(sum, MAX_SUM_LEN, &text, &why);
	if (rc == 0 && !manifest_check(buf_span(out), buf_span(&text)))
		rc = err_set(&why, ERR_INPUT, "is not what its checksum was "
			     "taken of");
	buf_free(&text);
	return rc == 0 ? 1 : damaged(l, path, why.text, err);
}

static int
add_unit(struct looking *l, const struct manifest_file *m, uint32_t table,
	 bool deletes, struct err *err)
{
	struct dump *const d = &l->dump;
	struct unit *const u = &d->units[d->nunits];
	char path[PATH_MAX];
	struct span copy;

	snprintf(path, sizeof(path), "%s/%s/%s", l->folder,
		 d->tables[table].name, m->key);
	copy = arena_copy(&d->exports.mem, (struct span){
		(const uint8_t *)path, strlen(path) + 1 }, err);
	if (copy.ptr == NULL)
		return -1;
	const int there = place_look(path, err);
	if (there < 0)
		return -1;
	if (there == 0)
		return damaged(l, path, "is in the manifest and not there",
			       err);
	*u = (struct unit){
		.number = d->nunits++, .input = table,
		.path = (const char *)copy.ptr,
		.name = strrchr((const char *)copy.ptr, '/') + 1,
		.format = deletes ? &ddbjson_record_format
				  : l->run->shared.format,
		.increment = deletes, .has_md5 = m->has_md5,
		.nitems = (int64_t)m->nitems,
	};
	memcpy(u->md5, m->md5, sizeof(u->md5));
	return 0;
}

/* The files that a manifest names, behind the units that there are. */
static int
add_files(struct looking *l, uint32_t table, bool deletes, struct err *err)
{
	struct dump *const d = &l->dump;
	const char *const name = deletes ? "manifest-deletes" : "manifest-puts";
	struct manifest_file *files;
	struct unit *units;
	struct buf json = { 0 };
	size_t n = 0;
	int rc = load(l, d->tables[table].name, name, &json, err);

	if (rc > 0)
		rc = manifest_read_files(buf_span(&json), name,
					 &d->exports.mem, &files, &n, err);
	buf_free(&json);
	if (rc != 0 || n == 0)
		return rc;
	units = arena_take(&d->exports.mem, (d->nunits + n + 1) *
			   sizeof(*units), err);
	if (units == NULL)
		return -1;
	if (d->nunits > 0)
		memcpy(units, d->units, d->nunits * sizeof(*units));
	d->units = units;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_unit(l, &files[i], table, deletes, err);
	return rc;
}

static int
add_changes(struct looking *l, struct err *err)
{
	const struct run *const r = l->run;
	struct dump *const d = &l->dump;
	struct dump_table *const tables = arena_take(&d->exports.mem,
		(d->ntables + r->plan->ntables + 1) * sizeof(*tables), err);

	if (tables == NULL)
		return -1;
	if (d->ntables > 0)
		memcpy(tables, d->tables, d->ntables * sizeof(*tables));
	d->tables = tables;
	for (uint32_t i = 0; i < r->plan->ntables; i++) {
		struct buf summary = { 0 };
		int rc;

		if (!run_speaks_for_target(r, i) || !run_is_changes(r, i))
			continue;
		tables[d->ntables] = (struct dump_table){
			.name = r->targets[i].name, .path = l->folder,
		};
		rc = load(l, r->targets[i].name, "manifest-changes", &summary,
			  err);
		buf_free(&summary);
		if (rc < 0 || add_files(l, d->ntables, false, err) != 0 ||
		    add_files(l, d->ntables, true, err) != 0)
			return -1;
		d->ntables++;
	}
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

/*
 * Look for the exports: in out/, where nothing else may be; or in those of its
 * folders that are no puts and deletes.
 */
static int
find(struct looking *l, struct err *err)
{
	const struct run *const r = l->run;
	struct dump_options o = l->options->dump;
	const char **const paths = calloc(r->plan->ntables + 1,
					  sizeof(*paths));
	bool changes = false;
	size_t n = 0;
	int rc = 0;

	if (paths == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; i < r->plan->ntables && rc == 0; i++) {
		char *path;

		if (!run_speaks_for_target(r, i))
			continue;
		changes |= run_is_changes(r, i);
		if (run_is_changes(r, i))
			continue;
		if (asprintf(&path, "%s/%s", l->folder,
			     r->targets[i].name) < 0)
			rc = err_set(err, ERR_SYSTEM, "out of memory");
		else
			paths[n++] = path;
	}
	o.paths = changes ? paths : &l->folder;
	o.npaths = changes ? n : 1;
	o.records = false;
	/* The dump keeps nothing of these texts. */
	if (rc == 0 && o.npaths > 0)
		rc = dump_find(&o, &l->dump, err);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)paths[i]);
	free(paths);
	return rc != 0 || !changes ? rc : add_changes(l, err);
}

/* CSV is read as it was written. */
static int
set_rules(struct looking *l, struct err *err)
{
	const struct run *const r = l->run;
	struct dump *const d = &l->dump;
	struct item_rules *const rules = arena_take(&d->exports.mem,
		(r->plan->ntables + 1) * sizeof(*rules), err);

	if (rules == NULL)
		return -1;
	for (uint32_t i = 0; i < r->plan->ntables; i++) {
		if (!run_speaks_for_target(r, i))
			continue;
		rules[i] = validate_out_rules(r, i);
		for (uint32_t k = 0; k < d->nunits; k++) {
			const char *const name =
				d->tables[d->units[k].input].name;

			if (d->units[k].format == &csv_format &&
			    name != NULL &&
			    strcmp(name, r->targets[i].name) == 0)
				d->units[k].rules = &rules[i];
		}
	}
	return 0;
}

int
validate_out_files(const struct validate_options *o, const struct run *r,
		   const char *folder, struct validate_sums *s,
		   struct err *err)
{
	struct looking l = {
		.options = o, .run = r, .folder = folder, .sums = s,
	};
	int rc;

	*s = (struct validate_sums){ 0 };
	rc = find(&l, err);
	if (rc == 0)
		rc = set_rules(&l, err);
	if (rc == 0 && o->nshards > 0)
		rc = dump_divide(&l.dump, o->shard, o->nshards, err);
	if (rc == 0)
		rc = validate_found(o, &l.dump, s, err);
	dump_free(&l.dump);
	return rc;
}
