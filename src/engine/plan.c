/* plan.c - plans from their files: the sections that stand at the top. */
#include "engine/plan.h"

#include <stdlib.h>
#include <string.h>

#include "engine/plan_internal.h"
#include "formats/json.h"
#include "formats/yaml.h"

/* ---- one file ------------------------------------------------------------ */

/* JSON goes through its own reader first: its escapes are not all YAML's. */
static const struct tree *
parse(struct plan *p, struct span text, const char *path, struct err *err)
{
	const size_t n = strlen(path);
	size_t i = 0;
	struct err why;

	while (i < text.len && strchr(" \t\r\n", text.ptr[i]) != NULL &&
	       text.ptr[i] != '\0')
		i++;
	if (i < text.len && text.ptr[i] == '{') {
		const struct tree *const t = json_parse(text, path, &p->mem,
							&why);

		if (t != NULL)
			return t;
		if (n > 5 && strcmp(path + n - 5, ".json") == 0) {
			*err = why;
			err->code = ERR_USAGE;
			return NULL;
		}
	}
	return yaml_parse(text, path, &p->mem, err);
}

static int
check_version(const struct tree *root, struct err *err)
{
	const struct tree *const t = tree_get(root, "dynamill");
	uint64_t version;

	if (t == NULL)
		return tree_err(root, err, "'dynamill: 1' is missing; it says "
				"that this is a plan, and of which kind");
	if (plan_read_uint(t, "dynamill", &version, err) != 0)
		return -1;
	if (version != 1)
		return tree_err(t, err, "this program reads plans of version "
				"1, not %s", t->text.ptr);
	return 0;
}

static int
read_side(const struct tree *root, const char *name, const char *const *known,
	  struct plan_side *side, struct err *err)
{
	const struct tree *const t = tree_get(root, name);

	if (t == NULL)
		return 0;
	if (plan_check_map(t, strcmp(name, "source") == 0 ? "'source'" :
			   "'target'", known, err) != 0 ||
	    plan_text_field(t, "environment", &side->environment, err) != 0 ||
	    plan_text_field(t, "profile", &side->profile, err) != 0 ||
	    plan_text_field(t, "region", &side->region, err) != 0 ||
	    plan_text_field(t, "account", &side->account, err) != 0 ||
	    plan_text_field(t, "role_arn", &side->role_arn, err) != 0 ||
	    plan_text_field(t, "endpoint_url", &side->endpoint_url, err) != 0)
		return -1;

	const char *const account = side->account;
	if (account != NULL && (strlen(account) != 12 ||
				strspn(account, "0123456789") != 12))
		return tree_err(tree_get(t, "account"), err, "'account' is "
				"twelve digits; quote them if they begin with "
				"0");
	return 0;
}

/*
 * What StartBulkPutItems takes is written already; but how a line of its input
 * says a condition we do not know, and a guess would overwrite items.
 */
static int
refuse_bulk_put(const struct tree *target, struct err *err)
{
	const struct tree *const condition = tree_get(target, "condition");
	const struct tree *const format = tree_get(target, "format");

	if (condition != NULL)
		return tree_err(condition, err, "'condition': how a line for "
				"StartBulkPutItems says one is not known to "
				"this version (docs/FORMATS.md, Bulk put "
				"items): leave it out; its items replace those "
				"with their keys");
	if (format != NULL && tree_is_scalar(format) &&
	    span_is(format->text, "bulk-put-items"))
		return tree_err(format, err, "'bulk-put-items' needs no format "
				"of its own: StartBulkPutItems takes data/ of "
				"'dynamodb-json' and 'ion' as it stands");
	return 0;
}

static int
read_sides(struct plan_part *part, struct err *err)
{
	static const char *const source[] = {
		"environment", "profile", "region", "account", "role_arn",
		"endpoint_url", "exports", NULL,
	};
	static const char *const target[] = {
		"environment", "profile", "region", "account", "role_arn",
		"endpoint_url", "format", "compression", "csv", "out", NULL,
	};
	static const char *const names[] = { "from", "to", NULL };
	const struct tree *const t = tree_get(part->root, "names");
	const struct tree *const to = tree_get(part->root, "target");

	if (to != NULL && refuse_bulk_put(to, err) != 0)
		return -1;
	if (read_side(part->root, "source", source, &part->source, err) != 0 ||
	    read_side(part->root, "target", target, &part->target, err) != 0)
		return -1;
	if (to != NULL) {
		part->format = tree_get(to, "format");
		part->compression = tree_get(to, "compression");
		part->csv = tree_get(to, "csv");
		part->out = tree_get(to, "out");
	}
	if (t == NULL)
		return 0;
	part->from_node = tree_get(t, "from");
	part->to_node = tree_get(t, "to");
	if (plan_check_map(t, "'names'", names, err) != 0 ||
	    plan_text_field(t, "from", &part->from, err) != 0 ||
	    plan_text_field(t, "to", &part->to, err) != 0)
		return -1;
	if (part->from != NULL && strstr(part->from, "{table}") == NULL)
		return tree_err(part->from_node, err, "'from' must hold "
				"{table}");
	if (part->to != NULL && strstr(part->to, "{table}") == NULL)
		return tree_err(part->to_node, err, "'to' must hold {table}");
	return 0;
}

/* The plan's own name, or its file's without folder and ending. */
static int
read_plan_name(struct plan *p, struct plan_part *part, struct err *err)
{
	const struct tree *const t = tree_get(part->root, "name");
	const char *const slash = strrchr(part->path, '/');
	const char *const file = slash != NULL ? slash + 1 : part->path;
	const char *const dot = strrchr(file, '.');
	const size_t n = dot != NULL && dot != file ? (size_t)(dot - file) :
			 strlen(file);

	if (t == NULL) {
		part->name = plan_keep(p, (struct span){ (const uint8_t *)file,
				       n }, err);
		return part->name != NULL ? 0 : -1;
	}
	if (plan_read_text(t, "name", &part->name, err) != 0)
		return -1;
	if (strchr(part->name, '/') != NULL || part->name[0] == '.')
		return tree_err(t, err, "'%s' cannot name a plan, since it "
				"names a folder: no '/', and no '.' first",
				part->name);
	for (const char *c = part->name; *c != '\0'; c++)
		if ((uint8_t)*c < ' ' || *c == 0x7f)
			return tree_err(t, err, "a plan's name cannot hold "
					"control characters, since it names a "
					"folder");
	return 0;
}

static int
read_top(struct plan *p, struct plan_part *part, struct err *err)
{
	static const char *const known[] = {
		"dynamill", "name", "description", "source", "target", "names",
		"ids", "tables", "create", "stages", "confirm", "prices",
		NULL,
	};

	if (part->root->kind != TREE_MAP)
		return tree_err(part->root, err, "a plan is a map, not %s",
				tree_kind_name(part->root));
	if (check_version(part->root, err) != 0 ||
	    plan_choose_stage(p, part, err) != 0 ||
	    plan_check_map(part->root, "a plan", known, err) != 0 ||
	    read_plan_name(p, part, err) != 0 ||
	    plan_text_field(part->root, "description", &part->description,
			    err) != 0 ||
	    plan_bool_field(part->root, "confirm", &part->confirm, err) != 0 ||
	    read_sides(part, err) != 0)
		return -1;
	part->ids = tree_get(part->root, "ids");

	const struct tree *const prices = tree_get(part->root, "prices");
	return prices == NULL ? 0 : prices_read(&p->prices, prices, err);
}

static int
read_part(struct plan *p, struct plan_part *part, const char *path,
	  struct err *err)
{
	const struct plan_place place = { path, 0, 0 };

	part->path = plan_keep(p, span_of(path), err);
	if (part->path == NULL || plan_own(p, OWNED_NAMES, &part->by_name,
					   err) != 0)
		return -1;
	part->folder = plan_folder_of(p, part->path, err);
	const struct span text = plan_slurp(p, part->path, err);
	if (part->folder == NULL || text.ptr == NULL)
		return -1;
	if (plan_note_file(p, part->path, "plan", place, err) == NULL)
		return -1;
	part->root = parse(p, text, part->path, err);
	return part->root != NULL ? read_top(p, part, err) : -1;
}

/* ---- all parts together -------------------------------------------------- */

static const char *const formats[] = {
	[PLAN_DYNAMODB_JSON] = "dynamodb-json", [PLAN_ION] = "ion",
	[PLAN_CSV] = "csv", [PLAN_BATCH_REQUESTS] = "batch-requests", NULL,
};

const char *
plan_format_name(enum plan_out_format f)
{
	return formats[f];
}

static void
over(const char **to, const char *from)
{
	if (from != NULL)
		*to = from;
}

int
plan_check_out(const char *out, struct err *err)
{
	const size_t n = strlen(out);

	if (strncmp(out, "s3://", 5) != 0 || out[5] == '/' || out[5] == '\0')
		return err_set(err, ERR_USAGE, "'%s' is no s3://BUCKET/PREFIX; "
			       "on this machine it is the job's folder that "
			       "holds the output: --job DIR", out);
	return n <= PLAN_OUT_LEN ? 0 : err_set(err, ERR_USAGE, "an address of "
		"%zu bytes; the output's has %d at most", n, PLAN_OUT_LEN);
}

static int
read_out(struct plan *p, const struct tree *t, struct err *err)
{
	struct err why;

	if (plan_read_text(t, "out", &p->out, err) != 0)
		return -1;
	return plan_check_out(p->out, &why) == 0 ? 0
		: tree_err(t, err, "'out': %s", why.text);
}

static int
read_outputs(struct plan *p, const struct plan_part *part, struct err *err)
{
	static const char *const packings[] = { "gzip", "zstd", "none", NULL };
	unsigned word;

	if (part->format != NULL) {
		if (plan_read_word(part->format, "format", formats, &word,
				   err) != 0)
			return -1;
		p->format = (enum plan_out_format)word;
	}
	if (part->compression != NULL) {
		if (plan_read_word(part->compression, "compression", packings,
				   &word, err) != 0)
			return -1;
		p->compression = packings[word];
	}
	if (part->out != NULL && read_out(p, part->out, err) != 0)
		return -1;
	return part->csv != NULL ? plan_read_csv(p, part->csv, err) : 0;
}

/* Sources and ids are the first plan's, all about the target the last's. */
static int
combine(struct plan *p, struct err *err)
{
	struct plan_parts *const parts = p->parts;

	p->name = parts->parts[0].name;
	p->description = parts->parts[0].description;
	p->source = parts->parts[0].source;
	p->ids.environment = NULL;
	for (size_t i = 0; i < parts->nparts; i++) {
		const struct plan_part *const part = &parts->parts[i];
		const struct plan_side *const t = &part->target;

		p->confirm |= part->confirm;
		over(&p->stage, part->stage);
		over(&p->target.environment, t->environment);
		over(&p->target.profile, t->profile);
		over(&p->target.region, t->region);
		over(&p->target.account, t->account);
		over(&p->target.role_arn, t->role_arn);
		over(&p->target.endpoint_url, t->endpoint_url);
		if (p->ids.environment == NULL)
			p->ids.environment = t->environment;
		if (read_outputs(p, part, err) != 0)
			return -1;
	}
	/* What is handed to the AWS CLI as it is must not be packed. */
	if (p->compression == NULL)
		p->compression = p->format == PLAN_BATCH_REQUESTS ? "none"
								  : "gzip";
	if (p->ids.environment == NULL)
		p->ids.environment = "";
	return 0;
}

static int
read_all(struct plan *p, const char *const *paths, size_t n, struct err *err)
{
	struct plan_parts *const parts = p->parts;

	parts->parts = plan_take(p, n, sizeof(*parts->parts), err);
	if (parts->parts == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (read_part(p, &parts->parts[i], paths[i], err) != 0)
			return -1;
		parts->nparts++;
	}
	if (combine(p, err) != 0 || plan_check_stage(p, err) != 0 ||
	    plan_read_ids(p, &parts->parts[0], err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (plan_read_entries(p, (uint32_t)i, err) != 0 ||
		    plan_read_create(p, &parts->parts[i], err) != 0)
			return -1;
	if (plan_read_sources(p, &parts->parts[0], err) != 0)
		return -1;
	return plan_build(p, NULL, 0, err);
}

static struct plan *
load(const char *const *paths, size_t n, const struct plan_options *options,
     bool dry, struct err *err)
{
	struct plan *const p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->parts = plan_take(p, 1, sizeof(*p->parts), err);
	if (p->parts == NULL) {
		plan_free(p);
		return NULL;
	}
	p->prices = prices_list;
	p->parts->options = *options;
	p->revert = options->revert;
	p->parts->dry = dry;
	if (plan_own(p, OWNED_NAMES, &p->parts->remap_names, err) != 0 ||
	    plan_own(p, OWNED_NAMES, &p->parts->table_names, err) != 0 ||
	    read_all(p, paths, n, err) != 0) {
		plan_free(p);
		return NULL;
	}
	return p;
}

enum { MAX_STAGES = 64 };

/* What the stages that are not meant today say must be sound as well. */
static int
check_stages(const struct plan *p, const char *const *paths, size_t n,
	     const struct plan_options *options, struct err *err)
{
	struct plan_options other = *options;

	for (size_t k = 0; k < n; k++) {
		const struct tree *const stages = p->parts->parts[k].stages;
		const uint32_t nstages = stages != NULL ? stages->nkids / 2 : 0;

		for (uint32_t i = 0; i < nstages && i < MAX_STAGES; i++) {
			other.stage = (const char *)
				stages->kids[2 * i].text.ptr;
			if (p->stage != NULL &&
			    strcmp(p->stage, other.stage) == 0)
				continue;
			struct plan *const dry = load(paths, n, &other, true,
						      err);
			if (dry == NULL)
				return -1;
			plan_free(dry);
		}
	}
	return 0;
}

struct plan *
plan_load(const char *const *paths, size_t n,
	  const struct plan_options *options, struct err *err)
{
	const struct plan_options none = { 0 };

	if (n == 0) {
		err_set(err, ERR_USAGE, "no plan");
		return NULL;
	}
	if (options == NULL)
		options = &none;
	struct plan *const p = load(paths, n, options, false, err);
	if (p == NULL || check_stages(p, paths, n, options, err) == 0)
		return p;
	plan_free(p);
	return NULL;
}

int
plan_ready(const struct plan *p, struct err *err)
{
	if (p->nsources == 0)
		return err_set(err, ERR_USAGE, "%s: the plan names no exports; "
			       "say where they are in source.exports",
			       p->parts->parts[0].path);
	for (size_t i = 0; i < p->nsources; i++)
		if (p->sources[i].absent)
			return err_set(err, ERR_USAGE, "%s:%u:%u: there is no "
				       "'%s'", p->sources[i].place.file,
				       p->sources[i].place.line,
				       p->sources[i].place.column,
				       p->sources[i].full);
	for (size_t i = 0; i < p->nfiles; i++)
		if (p->files[i].absent)
			return err_set(err, ERR_USAGE, "%s:%u:%u: there is no "
				       "'%s'", p->files[i].place.file,
				       p->files[i].place.line,
				       p->files[i].place.column,
				       p->files[i].path);
	if (p->ids.secret_env != NULL && p->ids.secret.ptr == NULL)
		return err_set(err, ERR_USAGE, "the variable %s, which holds "
			       "the secret of the ids, is not set",
			       p->ids.secret_env);
	return 0;
}

void
plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	if (p->parts != NULL)
		plan_release(p);
	arena_free(&p->mem);
	free(p);
}
