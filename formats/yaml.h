/*
 * yaml.h - YAML as plans use it: one document, the core schema of YAML 1.2.
 *
 * Tags, merge keys, several documents, names that are not plain text and names
 * given twice are errors.  Anchors and aliases work, up to a bound.  JSON is
 * YAML, and is read as strictly as JSON wants.
 */
#ifndef FORMATS_YAML_H
#define FORMATS_YAML_H

#include "base/span.h"

struct arena;
struct err;
struct tree;

enum { YAML_MAX_LEN = 4 * 1024 * 1024 };

/*
 * Read `source`, which is called `name` in messages; both must outlive the
 * tree.  NULL on failure: ERR_USAGE, with name, line and column in front.
 */
const struct tree *yaml_parse(struct span source, const char *name,
			      struct arena *mem, struct err *err);

#endif
