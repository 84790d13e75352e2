/*
 * expr_internal.h - what the parts of expr know of each other.
 *
 *	expr_lex.c		bytes to tokens
 *	expr_parser.c		what parsing stands on
 *	expr_literal.c		literals to nodes
 *	expr_parse.c		the rest of the grammar
 *	expr_check.c		what DynamoDB refuses without seeing an item
 *	expr_update.c		updates: their actions, and a tree of the paths
 *	expr_apply.c		their run
 *	expr_eval.c		conditions and values, run
 *	expr_functions.c	functions that need no more than their arguments
 *	expr_time.c		two more of them
 *	expr_print.c		back to text
 *	expr_invert.c		the update that undoes another one
 */
#ifndef EXPR_EXPR_INTERNAL_H
#define EXPR_EXPR_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "expr/expr.h"
#include "model/item.h"
#include "model/path.h"

struct buf;
struct err;

enum {
	/* How deep an expression may nest: a level costs ~1 KB of stack. */
	EXPR_MAX_DEPTH = 100,
	EXPR_CHUNK_LEN = 2048,	/* of an expression's arena */
};

/* ---- tokens ---- */

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,		/* not a word of the grammar */
	TOKEN_WORD,		/* one of them */
	TOKEN_QUOTED,		/* "name"; text is what is between the quotes */
	TOKEN_STRING,		/* 'text'; likewise, with '' for a quote */
	TOKEN_NUMBER,
	TOKEN_ALIAS,		/* #name */
	TOKEN_VALUE,		/* :value */
	TOKEN_SIGN,		/* punctuation; its characters are the text */
};

struct token {
	enum token_kind kind;
	bool doubled;		/* the text holds doubled quotes */
	struct span text;
	size_t at;		/* in the whole */
};

/*
 * The token at or after *at, which moves past it.  Returns 0, or -1 with *at
 * where it is wrong.
 */
int expr_lex(struct span text, size_t *at, struct token *out, struct err *err);

/* Is it this punctuation, or this word of the grammar (in capitals)? */
bool token_is(const struct token *t, const char *text);

/* ---- nodes ---- */

enum node_op {
	/* values */
	NODE_LITERAL,
	NODE_PATH,
	NODE_LIST,		/* args: elements */
	NODE_MAP,		/* args: values; names: their NAMEs */
	NODE_SET,		/* args: members */
	NODE_ADD, NODE_SUB, NODE_MUL, NODE_DIV,
	NODE_CASE,		/* args: condition, value ... [, value] */
	NODE_SIZE, NODE_IF_NOT_EXISTS, NODE_NEW_ID,
	NODE_CALL,		/* function->call() */
	/* conditions */
	NODE_EQ, NODE_NE, NODE_LT, NODE_LE, NODE_GT, NODE_GE,
	NODE_BETWEEN, NODE_IN,
	NODE_AND, NODE_OR, NODE_NOT,
	NODE_EXISTS, NODE_NOT_EXISTS, NODE_TYPE, NODE_BEGINS, NODE_CONTAINS,
};

struct function;

struct node {
	uint8_t op;		/* enum node_op */
	bool parens;		/* stood in parentheses */
	bool placeholder;	/* LITERAL: from a :value */
	uint8_t depth;
	uint32_t nargs;
	struct node **args;
	size_t at;		/* in the text */
	union {
		struct value value;		/* LITERAL */
		struct {			/* PATH */
			struct path path;
			/*
			 * Of expr_run.bound: the path goes on from there, and
			 * may be empty.  -1: from the item.
			 */
			int bound;
			struct span name;	/* of the bound value */
		};
		struct value *names;		/* MAP */
		struct {			/* functions */
			const struct function *function;
			const struct remap *remap;	/* NEW_ID */
			struct span table;
			enum value_type member;	/* TYPE: the type asked for */
		};
	};
};

static inline bool
node_is_condition(const struct node *n)
{
	return n->op >= NODE_EQ;
}

/* The type of a value if it does not depend on the item, else 0. */
enum value_type node_type(const struct node *n);

struct expr {
	struct arena mem;
	struct node *root;
};

/* ---- functions ---- */

/* Sets of types, for what a function takes. */
#define TAKES(type) (1U << VALUE_##type)

/* What an evaluation carries along. */
struct eval {
	const struct expr_run *run;
	const struct value *map;	/* the item's */
	struct err *err;
};

struct function {
	const char *name;
	enum node_op op;
	uint8_t min, max;		/* arguments; 255: any number */
	uint8_t result;			/* enum value_type, or 0 */
	bool service;			/* CALL: DynamoDB has it too */
	/* CALL: types of the arguments; the last also of all that follow. */
	uint16_t takes[3];
	/* CALL: `args` are present and of such types. */
	int (*call)(const struct eval *e, const struct value *args,
		    uint32_t nargs, struct value *out);
};

extern const struct function expr_functions[];
extern const size_t expr_nfunctions;

/* From expr_time.c. */
int call_iso_time(const struct eval *e, const struct value *args,
		  uint32_t nargs, struct value *out);
int call_epoch_time(const struct eval *e, const struct value *args,
		    uint32_t nargs, struct value *out);

/* Make *out an S or N whose text is a copy of `text`, or -1. */
int eval_text(const struct eval *e, enum value_type type, struct span text,
	      struct value *out);

/* Say that an operand has the wrong type for `function`.  Returns -1. */
int eval_wrong_type(const struct eval *e, const char *function,
		    const struct value *v);

/* ---- parser ---- */

struct parser {
	struct span text;
	const struct expr_scope *scope;
	struct arena *mem;
	struct token token;		/* the one that is next */
	size_t at;			/* behind it */
	size_t wrong;			/* where an error is */
	unsigned depth;
	bool update;			/* of an update expression */
	struct err *err;
};

int parser_start(struct parser *p, struct span text,
		 const struct expr_scope *scope, struct arena *mem,
		 struct err *err);

/* Step to the next token.  Returns 0 or -1. */
int parser_next(struct parser *p);

/* Fail at `at`.  Always returns -1. */
int parser_fail(struct parser *p, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Fail at the next token, with "... is expected, not X".  Returns -1. */
int parser_expected(struct parser *p, const char *what);

/* Step over the punctuation or word, or fail. */
int parser_take(struct parser *p, const char *text);

/* Nodes gathered before their number is known. */
struct node_list {
	struct node **items;
	uint32_t n, cap;
};

/* Add a node; NULL is a failure passed on.  Returns 0 or -1. */
int parser_push(struct parser *p, struct node_list *l, struct node *n);

/* A node with these arguments, which may be NULL; a literal.  NULL if not. */
struct node *parser_node(struct parser *p, enum node_op op, size_t at,
			 const struct node_list *args);
struct node *parser_literal(struct parser *p, size_t at, struct value v);

/*
 * Each parses what its name says from the next token on, to the arena.  They
 * return 0 or -1, or a node or NULL.
 */
int parse_name(struct parser *p, struct span *name);
int parse_path(struct parser *p, struct path *path);	/* of an attribute */
struct node *parse_number(struct parser *p, bool minus);
struct node *parse_placeholder(struct parser *p);
struct node *parse_list(struct parser *p);
struct node *parse_set(struct parser *p);
struct node *parse_map(struct parser *p);
struct node *parse_value(struct parser *p);
struct node *parse_condition(struct parser *p);

/* A path whose first name, which was the token `t`, has been stepped over. */
struct node *parse_path_node(struct parser *p, const struct token *t,
			     struct span name);

/* Values, separated by commas, up to `close`, which may come at once. */
int parse_values(struct parser *p, const char *close, struct node_list *l);

/* The text of a quoted token, its doubled quotes undone.  .ptr NULL if not. */
struct span parser_text(struct parser *p, const struct token *t);

/*
 * Is this node, whose arguments are complete, one that DynamoDB would take?
 * Returns 0 or -1.
 */
int check_node(struct parser *p, struct node *n);

/* Are two paths the same? */
bool same_path(const struct path *a, const struct path *b);

/* ---- evaluation ---- */

/* The value of a node; its type is 0 if it is missing.  Returns 0 or -1. */
int eval_value(const struct eval *e, const struct node *n, struct value *out);

/* As eval_value(), but what is missing fails. */
int eval_present(const struct eval *e, const struct node *n,
		 struct value *out);

/* Returns 1, 0 or -1. */
int eval_condition(const struct eval *e, const struct node *n);

extern const char expr_missing[], expr_wrong_type[];

/* ---- updates ---- */

enum action_kind { ACTION_SET, ACTION_REMOVE, ACTION_ADD, ACTION_DELETE };

struct action {
	enum action_kind kind;
	struct path path;
	struct node *value;	/* not for REMOVE */
	size_t at;
};

/*
 * The actions' paths as a tree: what an update does to one container.  Actions
 * on elements are in the order of their index.
 */
struct target {
	const struct path_part *part;	/* in the container around it */
	bool leaf;			/* `number`, else `below` */
	size_t number;			/* of the action */
	struct target *below;		/* first of those inside it */
	struct target *next;		/* beside it */
	uint32_t nbelow;
};

struct update {
	struct arena mem;
	struct action *actions;		/* in the order of the text */
	size_t nactions;
	struct target root;
};

/* ---- printing ---- */

int print_node(const struct node *n, struct buf *out, struct err *err);

#endif
