/*
 * discover_pieces.c - texts with ids inside: which patterns a path needs.
 *
 * A pattern takes every text that fits it, `{id}` at its end the whole rest:
 * USER#{id} also takes USER#1#ORDER#2, unless a longer one before it does. So
 * the values of shapes for which nothing was found count against the shorter
 * patterns that would take them.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/discover_judge.h"

#include "base/err.h"

enum { MOST_SPOILT = 10 };	/* percent, as of values that do not hit */

struct readings {
	struct buf list;	/* struct reading */
	struct reading at;	/* the one that is followed */
	struct words words;
};

static int
read_leaf(struct judge *j, struct readings *all, uint32_t leaf)
{
	struct reading r = all->at;

	r.leaf = leaf;
	for (uint8_t i = 0; i < r.n; i++) {
		const struct part capture = { .kind = PART_CAPTURE, .n = i };
		const uint32_t node = tree_find(j->tree, leaf, &capture);

		r.to[i] = DISCOVER_NONE;
		if (node != NO_NODE &&
		    j->tree->nodes[r.pieces[i]].kind == PART_VAR &&
		    judge_choose(j, node, &all->words, &r.to[i],
				 &r.fits[i]) != 0)
			return -1;
	}
	return buf_append(&all->list, (struct span){ (const uint8_t *)&r,
						     sizeof(r) }, j->err);
}

/* All ways on from `node`, of which `depth` pieces are known. */
static int
follow(struct judge *j, struct readings *all, uint32_t node, uint8_t depth)
{
	const struct node *const n = &j->tree->nodes[node];
	const struct words words = all->words;

	if (depth == all->at.n)
		return read_leaf(j, all, node);
	for (uint32_t i = 0; n->nkids > 0 && i <= n->mask; i++) {
		const struct node *const kid = &j->tree->nodes[n->kids[i]];

		if (n->kids[i] == NO_NODE)
			continue;
		all->at.pieces[depth] = n->kids[i];
		if (kid->kind == PART_TAG)
			words_add(&all->words, (struct span){ kid->name,
							      kid->name_len });
		if (follow(j, all, n->kids[i], depth + 1) != 0)
			return -1;
		all->words = words;
	}
	return 0;
}

static bool
is_one(const struct reading *r)
{
	for (uint8_t i = 0; i < r->n; i++)
		if (r->to[i] != DISCOVER_NONE)
			return true;
	return false;
}

/* Would the pattern of `r` take the longer texts of `other`? */
static bool
takes(const struct judge *j, const struct reading *r,
      const struct reading *other)
{
	if (other->sep != r->sep || other->n <= r->n ||
	    r->to[r->n - 1] == DISCOVER_NONE)
		return false;
	for (uint8_t i = 0; i + 1 < r->n; i++) {
		const struct node *const a = &j->tree->nodes[r->pieces[i]];
		const struct node *const b = &j->tree->nodes[other->pieces[i]];

		if (a->kind == PART_TAG && b->kind == PART_TAG &&
		    !span_equal((struct span){ a->name, a->name_len },
				(struct span){ b->name, b->name_len }))
			return false;
	}
	return true;
}

static bool
is_spoilt(const struct judge *j, struct reading *r, const struct reading *all,
	  size_t n)
{
	const uint64_t own = j->tree->nodes[r->leaf].values;

	r->spoilt = 0;
	for (size_t i = 0; i < n; i++)
		if (!is_one(&all[i]) && takes(j, r, &all[i]))
			r->spoilt += j->tree->nodes[all[i].leaf].values;
	return r->spoilt * (100 - MOST_SPOILT) > own * MOST_SPOILT;
}

static int
compare_pieces(const struct node *nodes, const struct reading *a,
	       const struct reading *b)
{
	for (uint8_t i = 0; i < a->n; i++) {
		const struct node *const x = &nodes[a->pieces[i]];
		const struct node *const y = &nodes[b->pieces[i]];
		const int c = x->kind != y->kind ? (int)x->kind - y->kind :
			span_compare((struct span){ x->name, x->name_len },
				     (struct span){ y->name, y->name_len });

		if (c != 0)
			return c;
	}
	return 0;
}

/* Longer patterns first: the first that fits counts. */
static void
sort(const struct judge *j, struct reading *all, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct reading r = all[i];
		size_t k = i;

		for (; k > 0; k--) {
			const struct reading *const b = &all[k - 1];
			const int c = b->n != r.n ? (int)r.n - b->n
				: b->sep != r.sep ? (int)b->sep - r.sep
				: compare_pieces(j->tree->nodes, b, &r);
			if (c <= 0)
				break;
			all[k] = *b;
		}
		all[k] = r;
	}
}

int
judge_composites(struct judge *j, uint32_t node, struct reading **out)
{
	const struct node *const n = &j->tree->nodes[node];
	struct readings all = { .words = j->words };
	size_t nall, left = 0;

	*out = NULL;
	for (uint32_t i = 0; n->nkids > 0 && i <= n->mask; i++) {
		const struct node *const kid = &j->tree->nodes[n->kids[i]];

		if (n->kids[i] == NO_NODE || kid->kind != PART_SHAPE)
			continue;
		all.at = (struct reading){ .n = kid->n, .sep = kid->sep };
		if (follow(j, &all, n->kids[i], 0) != 0) {
			buf_free(&all.list);
			return -1;
		}
	}
	nall = all.list.len / sizeof(struct reading);
	if (nall == 0) {
		buf_free(&all.list);
		return 0;
	}

	struct reading *const list = (struct reading *)(void *)all.list.ptr;
	sort(j, list, nall);
	/* From the longest on: what is dropped spoils shorter ones. */
	for (size_t i = 0; i < nall; i++)
		if (is_one(&list[i]) && is_spoilt(j, &list[i], list, nall))
			for (uint8_t k = 0; k < list[i].n; k++)
				list[i].to[k] = DISCOVER_NONE;
	for (size_t i = 0; i < nall; i++)
		if (is_one(&list[i]))
			list[left++] = list[i];
	*out = list;
	return (int)left;
}
