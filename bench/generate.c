/*
 * generate.c - make a DynamoDB export to measure with, the same every time.
 *
 *	generate --items N --out DIR [--seed S] [--table NAME] [--files N]
 *		 [--plain] [--shuffle] [--threads N]
 *
 * Four tables that refer to each other, as a business has them: Contacts (40 in
 * 100 items), Properties (25), Projects (20), Quotes (15). Items are of about
 * 660 bytes, the median 600, one in a hundred over 2 KB; text in several
 * scripts and with escapes, numbers, maps, lists, sets, binary and null. The
 * layout is that of ExportTableToPointInTime: DIR/<Table>/AWSDynamoDB/<id>/
 * with manifests, their MD5, and data files packed with zlib at level 6.
 *
 * Every item has a random state of its own, from seed, table and number: so the
 * text does not depend on the number of files or threads.
 *
 * --shuffle gives each item an attribute order of its own, as real exports may
 * have; --plain leaves the data files uncompressed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <openssl/evp.h>

enum {
	NTABLES = 4,
	MAX_FILES = 64,			/* of one table */
	MAX_ATTRS = 64,			/* of one item, on top */
	LINE_CAP = 256 * 1024,		/* more than any item takes */
	CHUNK = 1024 * 1024,		/* text handed to the packer at once */
	NAME_LEN = 26,			/* of a data file, before the dot */
	MD5_LEN = 16,
	MD5_TEXT_LEN = 24,
};

enum table_number { CONTACTS, PROPERTIES, PROJECTS, QUOTES, OTHER = 7 };

/* One item being written, and the dice that decide what goes into it. */
struct line {
	char *start, *at, *end;
	uint64_t dice;
	bool first;			/* of the map at hand */
	int depth;			/* of maps within the item */
	size_t attr[MAX_ATTRS + 1];	/* where each attribute starts */
	int nattrs;
	uint64_t seed;
	uint64_t count[NTABLES];	/* items in each table */
};

struct data_file {
	int table;
	uint64_t from, to;		/* items */
	char name[NAME_LEN + 1];
	char path[PATH_MAX];
	uint8_t md5[MD5_LEN];
	uint64_t plain_len, packed_len;
};

struct options {
	uint64_t items, seed;
	const char *out;
	const char *table;		/* just this one, or NULL for all */
	int files;			/* per table, or 0 for the usual */
	int threads;
	bool plain, shuffle;
};

struct work {
	const struct options *opt;
	uint64_t count[NTABLES];
	struct data_file files[NTABLES * MAX_FILES];
	int nfiles;
	int left;			/* under the mutex */
	pthread_mutex_t mutex;
};

static void contact(struct line *, uint64_t number);
static void property(struct line *, uint64_t number);
static void project(struct line *, uint64_t number);
static void quote(struct line *, uint64_t number);

static const struct table {
	const char *name;
	unsigned percent;
	int files;
	const char *export_id;
	void (*item)(struct line *, uint64_t number);
} tables[NTABLES] = {
	{ "Contacts", 40, 3, "01717200000001-5c0a7ac7", contact },
	{ "Properties", 25, 2, "01717200000002-940be471", property },
	{ "Projects", 20, 2, "01717200000003-b0bec750", project },
	{ "Quotes", 15, 1, "01717200000004-4c0731e5", quote },
};

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("generate: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(EXIT_FAILURE);
}

/* ---- dice (splitmix64) --------------------------------------------------- */

static uint64_t
mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A number from 0 to `n` - 1. */
static uint32_t
below(struct line *l, uint64_t n)
{
	l->dice += 0x9e3779b97f4a7c15u;

	const uint64_t high = mix(l->dice) >> 32;
	return (uint32_t)((high * n) >> 32);
}

/* True so many times in a thousand. */
static bool
chance(struct line *l, unsigned per_mille)
{
	return below(l, 1000) < per_mille;
}

/* ---- text ---------------------------------------------------------------- */

static void
put(struct line *l, const char *text)
{
	const size_t n = strlen(text);

	if ((size_t)(l->end - l->at) < n)
		die("an item of more than %d bytes", LINE_CAP);
	memcpy(l->at, text, n);
	l->at += n;
}

static void __attribute__((format(printf, 2, 3)))
putf(struct line *l, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(l, text);
}

/* Write `value` with at least `width` digits. */
static void
digits(struct line *l, int width, uint32_t value)
{
	char text[11];
	int at = (int)sizeof(text) - 1;

	text[at] = '\0';
	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0 || (int)sizeof(text) - 1 - at < width);
	put(l, text + at);
}

#define PICK(l, list) ((list)[below((l), sizeof(list) / sizeof((list)[0]))])

static const char *const first_names[] = {
	"James", "Mary", "Robert", "Patricia", "John", "Jennifer", "Michael",
	"Linda", "David", "Elizabeth", "William", "Barbara", "Richard",
	"Susan", "Joseph", "Jessica", "Thomas", "Sarah", "Charles", "Karen",
	"José", "Zoë", "Björn", "Łukasz", "Nguyễn", "María", "Chloé", "Søren",
	"陈伟", "Олег",
};
static const char *const last_names[] = {
	"Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller",
	"Davis", "Rodriguez", "Martinez", "Hernandez", "Lopez", "Gonzalez",
	"Wilson", "Anderson", "O'Brien", "Thomas", "Taylor", "Moore",
	"Jackson", "Müller", "Núñez", "García-López", "van der Berg",
	"Ødegaard", "Kowalski", "Nakamura", "Østergård", "李", "Петров",
};
static const char *const domains[] = {
	"gmail.com", "yahoo.com", "outlook.com", "example.com", "kw.example",
	"compass.example", "icloud.com", "listings-mail.example",
	"acme.co.uk", "hotmail.com",
};
static const char *const mailboxes[] = {
	"smith", "jones", "lee", "garcia", "kim", "patel", "chen", "brown",
	"miller", "lopez",
};
static const char *const streets[] = {
	"Main St", "Oak Ave", "Maple Dr", "Cedar Ln", "Pine St",
	"Washington Blvd", "Lake Shore Dr", "Elm St", "2nd Ave", "Sunset Blvd",
	"Park Ave", "Hill Rd", "El Camino Real", "Market St",
	"Peachtree St NE",
};
static const char *const cities[] = {
	"San Francisco", "Oakland", "San José", "Los Angeles", "Seattle",
	"Portland", "Austin", "Denver", "Chicago", "Boston", "Miami",
	"Brooklyn", "Phoenix", "San Diego", "Cañon City",
};
static const char *const states[] = {
	"CA", "WA", "OR", "TX", "CO", "IL", "MA", "FL", "NY", "AZ",
};
static const char *const statuses[] = {
	"NEW", "ACTIVE", "PENDING", "IN_PROGRESS", "COMPLETED", "CANCELLED",
	"ARCHIVED",
};
static const char *const sources[] = { "web", "ios", "admin", "import" };
static const char *const contact_types[] = {
	"AGENT", "HOMEOWNER", "VENDOR", "ADMIN",
};
static const char *const locales[] = { "en-US", "es-MX", "fr-CA" };
static const char *const project_types[] = {
	"Kitchen Remodel", "Full Reno", "Exterior Paint", "Staging", "Roof",
};
static const char *const phases[] = {
	"Kickoff", "Demo", "Build", "Punch list", "Final walk",
};
static const char *const words[] = {
	"the", "kitchen", "bathroom", "paint", "walls", "floor", "replace",
	"install", "repair", "with", "and", "owner", "client", "requested",
	"estimate", "follow", "up", "on", "schedule", "before", "closing",
	"roof", "inspection", "cabinets", "counter", "granite", "quartz",
	"exterior", "interior", "landscaping", "front", "yard", "deck",
	"stain", "refinish", "hardwood", "carpet", "remove", "light",
	"fixtures", "HVAC", "plumbing", "leak", "water", "heater", "outlet",
	"GFCI", "permit", "required", "crew", "Monday", "availability",
	"please", "call", "agent", "listing", "photos", "staging", "clean",
	"windows", "garage", "door", "tile", "grout", "backsplash",
	"appliance", "café", "naïve", "señor", "✓", "—", "size", "12", "24",
	"36", "approx.", "½", "m²", "N/A", "TBD", "asap", "price", "discount",
	"invoice", "deposit", "final", "payment", "received",
};

/* What stands between two words now and then. */
static void
mark(struct line *l)
{
	const uint32_t x = below(l, 100);

	if (x < 3)
		put(l, ",");
	else if (x < 5)
		put(l, ". ");
	else if (x == 5)
		put(l, "\\n");
	else if (x == 6)
		put(l, " \\\"quoted\\\"");
	else if (x == 7 && below(l, 4) == 0)
		put(l, "\\t");
	else if (x == 7 && below(l, 4) == 0)
		put(l, " C:\\\\docs\\\\x");
	else if (x == 7 && below(l, 4) == 0)
		put(l, " \\u0007");
	else if (x == 7 && below(l, 4) == 0)
		put(l, " 🏠👍");
}

static void
prose(struct line *l, unsigned nwords)
{
	for (unsigned i = 0; i < nwords; i++) {
		if (i > 0)
			put(l, " ");
		put(l, PICK(l, words));
		mark(l);
	}
}

static void
put_time(struct line *l)
{
	put(l, "20");
	digits(l, 2, 18 + below(l, 8));
	put(l, "-");
	digits(l, 2, 1 + below(l, 12));
	put(l, "-");
	digits(l, 2, 1 + below(l, 28));
	put(l, "T");
	digits(l, 2, below(l, 24));
	put(l, ":");
	digits(l, 2, below(l, 60));
	put(l, ":");
	digits(l, 2, below(l, 60));
	put(l, ".");
	digits(l, 3, below(l, 1000));
	put(l, "Z");
}

/* The id of item `number` of a table: a UUID that only the seed changes. */
static void
put_id(struct line *l, enum table_number table, uint64_t number)
{
	const uint64_t a = mix(l->seed + number * 8 + table);
	const uint64_t b = mix(a ^ 0xabcdef12345u);

	putf(l, "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64
	     "-%012" PRIx64, a >> 32, a >> 16 & 0xffff, a & 0xfff,
	     0x8000 | (b >> 48 & 0x3fff), b & 0xffffffffffff);
}

/* ---- attributes ---------------------------------------------------------- */

static void
key(struct line *l, const char *name)
{
	if (l->depth == 0 && l->nattrs < MAX_ATTRS)
		l->attr[l->nattrs++] =
			(size_t)(l->at - l->start) + (l->first ? 0 : 1);
	if (!l->first)
		put(l, ",");
	l->first = false;
	put(l, "\"");
	put(l, name);
	put(l, "\":");
}

static void
open_map(struct line *l)
{
	put(l, "{\"M\":{");
	l->first = true;
	l->depth++;
}

static void
close_map(struct line *l)
{
	put(l, "}}");
	l->first = false;
	l->depth--;
}

static void
open_text(struct line *l, const char *name)
{
	key(l, name);
	put(l, "{\"S\":\"");
}

static void
close_text(struct line *l)
{
	put(l, "\"}");
}

static void
text(struct line *l, const char *name, const char *value)
{
	open_text(l, name);
	put(l, value);
	close_text(l);
}

static void
number(struct line *l, const char *name, uint32_t value)
{
	key(l, name);
	put(l, "{\"N\":\"");
	digits(l, 1, value);
	put(l, "\"}");
}

/* A number from `low` to below `high`, with `places` after the point. */
static void
decimal(struct line *l, const char *name, const char *sign, uint32_t low,
	uint32_t high, int places)
{
	key(l, name);
	put(l, "{\"N\":\"");
	put(l, sign);
	digits(l, 1, low + below(l, high - low));
	put(l, ".");
	digits(l, places, below(l, places == 2 ? 100 : 1000000));
	put(l, "\"}");
}

static void
amount(struct line *l, const char *name, uint32_t most)
{
	decimal(l, name, "", 0, most, 2);
}

static void
truth(struct line *l, const char *name, bool value)
{
	key(l, name);
	put(l, value ? "{\"BOOL\":true}" : "{\"BOOL\":false}");
}

static void
null(struct line *l, const char *name)
{
	key(l, name);
	put(l, "{\"NULL\":true}");
}

static void
when(struct line *l, const char *name)
{
	open_text(l, name);
	put_time(l);
	close_text(l);
}

static void
when_or_null(struct line *l, const char *name)
{
	if (chance(l, 500))
		when(l, name);
	else
		null(l, name);
}

static void
email(struct line *l, const char *name)
{
	open_text(l, name);
	put(l, (const char[]){ (char)('a' + below(l, 26)), '\0' });
	put(l, PICK(l, mailboxes));
	digits(l, 1, below(l, 10000));
	put(l, "@");
	put(l, PICK(l, domains));
	close_text(l);
}

static void
some_words(struct line *l, const char *name, unsigned nwords)
{
	open_text(l, name);
	prose(l, nwords);
	close_text(l);
}

static void
id(struct line *l, const char *name, enum table_number table, uint64_t item)
{
	open_text(l, name);
	put_id(l, table, item);
	close_text(l);
}

/* A reference to any item of a table. */
static void
reference(struct line *l, const char *name, enum table_number table)
{
	id(l, name, table, below(l, l->count[table]));
}

static void
set(struct line *l, const char *name, unsigned nmembers)
{
	key(l, name);
	put(l, "{\"SS\":[");
	for (unsigned i = 0; i < nmembers; i++) {
		put(l, i > 0 ? ",\"" : "\"");
		put(l, words[below(l, 60)]);
		put(l, "-");
		digits(l, 1, i);
		put(l, "\"");
	}
	put(l, "]}");
}

static void
binary(struct line *l, const char *name)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned n = 4 * (16 + below(l, 40));

	key(l, name);
	put(l, "{\"B\":\"");
	for (unsigned i = 0; i < n; i++)
		put(l, (const char[]){ alphabet[below(l, 64)], '\0' });
	put(l, "\"}");
}

static void
address(struct line *l, const char *name)
{
	key(l, name);
	open_map(l);
	open_text(l, "line1");
	digits(l, 1, 1 + below(l, 9999));
	put(l, " ");
	put(l, PICK(l, streets));
	close_text(l);
	if (chance(l, 300)) {
		open_text(l, "line2");
		put(l, "Apt #");
		digits(l, 1, below(l, 400));
		close_text(l);
	} else {
		null(l, "line2");
	}
	text(l, "city", PICK(l, cities));
	text(l, "state", PICK(l, states));
	open_text(l, "zip");
	digits(l, 5, below(l, 99999));
	close_text(l);
	close_map(l);
}

/* What every item has, and what the reference plan changes. */
static void
common(struct line *l)
{
	when(l, "createdAt");
	if (chance(l, 600))
		when(l, "updatedAt");
	if (chance(l, 500))
		number(l, "schemaVersion", 1);
	if (chance(l, 500)) {
		open_text(l, "legacyField");
		putf(l, "lgc:%08x", below(l, UINT32_MAX));
		close_text(l);
	}
	text(l, "statusCode", PICK(l, statuses));
	number(l, "version", 1 + below(l, 40));
	if (chance(l, 120)) {
		key(l, "updatedBy");
		open_map(l);
		reference(l, "contactId", CONTACTS);
		email(l, "email");
		text(l, "source", PICK(l, sources));
		close_map(l);
	}
}

/* Most items have none, some a line, a few a page. */
static void
notes(struct line *l)
{
	if (chance(l, 8))
		some_words(l, "notes", 300 + below(l, 1000));
	else if (chance(l, 120))
		some_words(l, "notes", 4 + below(l, 12));
}

static void
preferences(struct line *l)
{
	key(l, "preferences");
	open_map(l);
	truth(l, "emailOptIn", chance(l, 600));
	truth(l, "smsOptIn", chance(l, 300));
	text(l, "locale", PICK(l, locales));
	if (chance(l, 500)) {
		key(l, "quietHours");
		open_map(l);
		number(l, "from", 20 + below(l, 4));
		number(l, "to", 5 + below(l, 4));
		close_map(l);
	}
	close_map(l);
}

static void
line_items(struct line *l, const char *name, unsigned n)
{
	key(l, name);
	put(l, "{\"L\":[");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			put(l, ",");
		open_map(l);
		open_text(l, "sku");
		put(l, "SKU-");
		digits(l, 6, below(l, 1000000));
		close_text(l);
		some_words(l, "description", 2 + below(l, 4));
		number(l, "qty", 1 + below(l, 20));
		amount(l, "unitPrice", 2000);
		truth(l, "taxable", chance(l, 500));
		close_map(l);
	}
	put(l, "]}");
}

static void
milestones(struct line *l)
{
	const unsigned n = chance(l, 500) ? 0 : below(l, 3);

	key(l, "milestones");
	put(l, "{\"L\":[");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			put(l, ",");
		open_map(l);
		text(l, "name", PICK(l, phases));
		when(l, "due");
		truth(l, "done", chance(l, 500));
		close_map(l);
	}
	put(l, "]}");
}

/* ---- tables -------------------------------------------------------------- */

static void
contact(struct line *l, uint64_t item)
{
	common(l);
	id(l, "id", CONTACTS, item);
	text(l, "firstName", PICK(l, first_names));
	text(l, "lastName", PICK(l, last_names));
	email(l, "email");
	if (chance(l, 800)) {
		open_text(l, "phone");
		put(l, "+1");
		digits(l, 3, 201 + below(l, 780));
		put(l, "555");
		digits(l, 4, below(l, 10000));
		close_text(l);
	} else {
		null(l, "phone");
	}
	truth(l, "isActive", chance(l, 850));
	text(l, "type", PICK(l, contact_types));
	if (chance(l, 700))
		reference(l, "addressId", PROPERTIES);
	if (chance(l, 250))
		set(l, "tags", 1 + below(l, 3));
	if (chance(l, 200))
		preferences(l);
	notes(l);
	if (chance(l, 30))
		binary(l, "avatar");
}

static void
property(struct line *l, uint64_t item)
{
	id(l, "id", PROPERTIES, item);
	address(l, "address");
	common(l);
	number(l, "beds", 1 + below(l, 6));
	amount(l, "baths", 5);
	number(l, "sqft", 600 + below(l, 5000));
	amount(l, "listPrice", 3000000);
	truth(l, "hasPool", chance(l, 150));
	if (chance(l, 200))
		null(l, "hoa");
	reference(l, "homeownerContactId", CONTACTS);
	if (chance(l, 600))
		reference(l, "agentContactId", CONTACTS);
	key(l, "geo");
	open_map(l);
	decimal(l, "lat", "", 30, 48, 6);
	decimal(l, "lng", "-", 70, 122, 6);
	close_map(l);
	if (chance(l, 150))
		set(l, "features", 1 + below(l, 5));
	notes(l);
}

static void
project(struct line *l, uint64_t item)
{
	open_text(l, "name");
	put(l, PICK(l, last_names));
	put(l, " ");
	put(l, PICK(l, project_types));
	put(l, " – Phase ");
	digits(l, 1, 1 + below(l, 4));
	close_text(l);
	reference(l, "agentContactId", CONTACTS);
	common(l);
	id(l, "id", PROJECTS, item);
	reference(l, "homeownerContactId", CONTACTS);
	reference(l, "addressId", PROPERTIES);
	amount(l, "budget", 250000);
	when_or_null(l, "startDate");
	milestones(l);
	if (chance(l, 400))
		set(l, "labels", 1 + below(l, 3));
	notes(l);
	if (chance(l, 4))
		line_items(l, "history", 20 + below(l, 50));
}

static void
quote(struct line *l, uint64_t item)
{
	reference(l, "projectId", PROJECTS);
	line_items(l, "items", chance(l, 600) ? 1 : 1 + below(l, 3));
	common(l);
	amount(l, "total", 100000);
	reference(l, "agentContactId", CONTACTS);
	id(l, "id", QUOTES, item);
	reference(l, "homeownerContactId", CONTACTS);
	reference(l, "addressId", PROPERTIES);
	truth(l, "accepted", chance(l, 400));
	when_or_null(l, "expiresAt");
	number(l, "ttl", 1700000000 + below(l, 90000000));
	notes(l);
	text(l, "currency", "USD");
}

/* Put the attributes of an item in an order of its own. */
static void
shuffle(struct line *l, char *spare)
{
	int order[MAX_ATTRS];
	char *to = spare;

	l->attr[l->nattrs] = (size_t)(l->at - l->start) + 1;
	for (int i = 0; i < l->nattrs; i++) {
		const int j = (int)below(l, (uint64_t)i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < l->nattrs; i++) {
		const size_t from = l->attr[order[i]];
		const size_t n = l->attr[order[i] + 1] - from - 1;

		if (i > 0)
			*to++ = ',';
		memcpy(to, l->start + from, n);
		to += n;
	}
	memcpy(l->start + l->attr[0], spare, (size_t)(to - spare));
}

/* ---- files --------------------------------------------------------------- */

struct packer {
	int fd;
	const char *path;
	bool plain;
	z_stream z;
	EVP_MD_CTX *md5;
	uint8_t out[CHUNK];
	uint64_t plain_len, packed_len;
};

static void
write_all(int fd, const char *path, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (n > 0) {
		const ssize_t k = write(fd, p, n);

		if (k < 0 && errno != EINTR)
			die("%s: %m", path);
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
}

static void
emit(struct packer *p, const uint8_t *bytes, size_t n)
{
	EVP_DigestUpdate(p->md5, bytes, n);
	write_all(p->fd, p->path, bytes, n);
	p->packed_len += n;
}

static void
pack(struct packer *p, char *bytes, size_t n, bool last)
{
	p->plain_len += n;
	if (p->plain) {
		emit(p, (const uint8_t *)bytes, n);
		return;
	}
	p->z.next_in = (Bytef *)bytes;
	p->z.avail_in = (uInt)n;
	do {
		p->z.next_out = p->out;
		p->z.avail_out = sizeof(p->out);
		deflate(&p->z, last ? Z_FINISH : Z_NO_FLUSH);
		emit(p, p->out, sizeof(p->out) - p->z.avail_out);
	} while (p->z.avail_out == 0);
}

static void
open_packer(struct packer *p, const char *path, bool plain)
{
	enum { GZIP_WINDOW = 15 + 16, LEVEL_OF_AWS = 6, DEFAULT_MEM = 8 };

	*p = (struct packer){ .path = path, .plain = plain };
	p->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (p->fd < 0)
		die("%s: %m", path);
	p->md5 = EVP_MD_CTX_new();
	if (p->md5 == NULL || EVP_DigestInit_ex(p->md5, EVP_md5(), NULL) != 1)
		die("no MD5");
	if (deflateInit2(&p->z, LEVEL_OF_AWS, Z_DEFLATED, GZIP_WINDOW,
			 DEFAULT_MEM, Z_DEFAULT_STRATEGY) != Z_OK)
		die("no memory for zlib");
}

static void
close_packer(struct packer *p, struct data_file *f)
{
	EVP_DigestFinal_ex(p->md5, f->md5, NULL);
	EVP_MD_CTX_free(p->md5);
	deflateEnd(&p->z);
	if (close(p->fd) != 0)
		die("%s: %m", p->path);
	f->plain_len = p->plain_len;
	f->packed_len = p->packed_len;
}

static void
write_item(struct line *l, const struct data_file *f, uint64_t item,
	   char *spare)
{
	l->start = l->at;
	l->end = l->at + LINE_CAP;
	l->dice = mix(l->seed ^ mix(item * 8 + (uint64_t)f->table));
	l->first = true;
	l->depth = 0;
	l->nattrs = 0;
	put(l, "{\"Item\":{");
	tables[f->table].item(l, item);
	if (spare != NULL)
		shuffle(l, spare);
	put(l, "}}\n");
}

static void
write_file(const struct work *w, struct data_file *f)
{
	struct line l = { .seed = w->opt->seed };
	struct packer *p = malloc(sizeof(*p));
	char *chunk = malloc(CHUNK + LINE_CAP);
	char *spare = w->opt->shuffle ? malloc(LINE_CAP) : NULL;

	if (p == NULL || chunk == NULL || (w->opt->shuffle && spare == NULL))
		die("out of memory");
	memcpy(l.count, w->count, sizeof(l.count));
	open_packer(p, f->path, w->opt->plain);
	l.at = chunk;
	for (uint64_t item = f->from; item < f->to; item++) {
		write_item(&l, f, item, spare);
		if (l.at - chunk >= CHUNK) {
			pack(p, chunk, (size_t)(l.at - chunk), false);
			l.at = chunk;
		}
	}
	pack(p, chunk, (size_t)(l.at - chunk), true);
	close_packer(p, f);
	free(p);
	free(chunk);
	free(spare);
}

static void *
worker(void *arg)
{
	struct work *w = arg;

	for (;;) {
		pthread_mutex_lock(&w->mutex);
		const int i = --w->left;
		pthread_mutex_unlock(&w->mutex);
		if (i < 0)
			return NULL;
		write_file(w, &w->files[i]);
	}
}

/* ---- the export around the files ----------------------------------------- */

static void
make_folder(const char *path)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		die("%s: %m", path);
}

static void
export_folder(const struct options *opt, int table, char *path, size_t cap)
{
	const int n = snprintf(path, cap, "%s/%s/AWSDynamoDB/%s", opt->out,
			       tables[table].name, tables[table].export_id);

	if (n < 0 || (size_t)n + NAME_LEN + 32 > cap)
		die("'%s' is too long", opt->out);
}

/* Make every folder on the way to an export's data. */
static void
make_export_folders(const struct options *opt, int table)
{
	char path[PATH_MAX];

	export_folder(opt, table, path, sizeof(path));
	strncat(path, "/data", sizeof(path) - strlen(path) - 1);
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		make_folder(path);
		*p = '/';
	}
	make_folder(path);
}

/* Write a manifest and its MD5 beside it, in base64 and without a newline. */
static void
write_manifest(const char *folder, const char *name, const char *body,
	       size_t n)
{
	uint8_t md5[MD5_LEN], coded[MD5_TEXT_LEN + 1];
	const struct {
		const char *ending;
		const void *bytes;
		size_t len;
	} parts[] = { { "json", body, n }, { "md5", coded, MD5_TEXT_LEN } };

	EVP_Digest(body, n, md5, NULL, EVP_md5(), NULL);
	EVP_EncodeBlock(coded, md5, sizeof(md5));
	for (int i = 0; i < 2; i++) {
		char path[PATH_MAX + 64];

		snprintf(path, sizeof(path), "%s/%s.%s", folder, name,
			 parts[i].ending);

		const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC |
				    O_CLOEXEC, 0666);
		if (fd < 0)
			die("%s: %m", path);
		write_all(fd, path, parts[i].bytes, parts[i].len);
		close(fd);
	}
}

/* One line of manifest-files.json. */
static int
describe(char *to, size_t cap, const struct options *opt,
	 const struct data_file *f)
{
	uint8_t coded[MD5_TEXT_LEN + 1], etag[MD5_LEN];
	char hex[2 * MD5_LEN + 1];

	EVP_EncodeBlock(coded, f->md5, MD5_LEN);
	/* The ETag of an upload of one part is the MD5 of an MD5. */
	EVP_Digest(f->md5, MD5_LEN, etag, NULL, EVP_md5(), NULL);
	for (int i = 0; i < MD5_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", etag[i]);
	return snprintf(to, cap, "{\"itemCount\":%" PRIu64
			",\"md5Checksum\":\"%s\",\"etag\":\"%s-1\","
			"\"dataFileS3Key\":\"AWSDynamoDB/%s/data/%s.json%s\"}\n",
			f->to - f->from, (const char *)coded, hex,
			tables[f->table].export_id, f->name,
			opt->plain ? "" : ".gz");
}

static void
write_manifests(const struct work *w, int table)
{
	const struct table *t = &tables[table];
	char folder[PATH_MAX], path[PATH_MAX + 16];
	char body[MAX_FILES * 512];
	size_t n = 0;

	export_folder(w->opt, table, folder, sizeof(folder));
	for (int i = 0; i < w->nfiles; i++)
		if (w->files[i].table == table)
			n += (size_t)describe(body + n, sizeof(body) - n,
					      w->opt, &w->files[i]);
	write_manifest(folder, "manifest-files", body, n);

	n = (size_t)snprintf(body, sizeof(body),
		"{\"version\":\"2020-06-30\",\"exportArn\":\"arn:aws:dynamodb:"
		"us-west-2:123456789012:table/%s/export/%s\","
		"\"startTime\":\"2024-06-01T00:00:00.000Z\","
		"\"endTime\":\"2024-06-01T00:05:00.000Z\","
		"\"tableArn\":\"arn:aws:dynamodb:us-west-2:123456789012:"
		"table/%s\",\"tableId\":\"00000000-0000-4000-8000-00000000000%d"
		"\",\"exportTime\":\"2024-06-01T00:00:00.000Z\","
		"\"s3Bucket\":\"measure\",\"s3Prefix\":null,"
		"\"s3SseAlgorithm\":\"AES256\",\"s3SseKmsKeyId\":null,"
		"\"manifestFilesS3Key\":\"AWSDynamoDB/%s/manifest-files.json\","
		"\"billedSizeBytes\":0,\"itemCount\":%" PRIu64
		",\"outputFormat\":\"DYNAMODB_JSON\"}",
		t->name, t->export_id, t->name, table + 1, t->export_id,
		w->count[table]);
	write_manifest(folder, "manifest-summary", body, n);

	snprintf(path, sizeof(path), "%s/_started", folder);
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		die("%s: %m", path);
	close(fd);
}

/* A name as AWS gives them: 26 characters of base32, from all that counts. */
static void
name_file(const struct options *opt, struct data_file *f, int part)
{
	char folder[PATH_MAX];
	uint64_t dice = mix(opt->seed ^ (uint64_t)(f->table * MAX_FILES +
						   part));

	for (int i = 0; i < NAME_LEN; i++) {
		f->name[i] = "abcdefghijklmnopqrstuvwxyz234567"[dice & 31];
		dice = mix(dice);
	}
	export_folder(opt, f->table, folder, sizeof(folder));
	snprintf(f->path, sizeof(f->path), "%.*s/data/%s.json%s",
		 PATH_MAX - 64, folder, f->name, opt->plain ? "" : ".gz");
}

static void
plan_files(struct work *w)
{
	const struct options *opt = w->opt;
	uint64_t left = opt->items;

	for (int t = NTABLES - 1; t >= 0; t--) {
		w->count[t] = t == 0 ? left :
			      opt->items * tables[t].percent / 100;
		left -= w->count[t];
	}
	for (int t = 0; t < NTABLES; t++) {
		const int parts = opt->files > 0 ? opt->files : tables[t].files;

		if (opt->table != NULL && strcmp(opt->table, tables[t].name))
			continue;
		make_export_folders(opt, t);
		for (int i = 0; i < parts; i++) {
			struct data_file *f = &w->files[w->nfiles++];
			const uint64_t n = (uint64_t)parts;

			f->table = t;
			f->from = w->count[t] * (uint64_t)i / n;
			f->to = w->count[t] * ((uint64_t)i + 1) / n;
			name_file(opt, f, i);
		}
	}
	if (w->nfiles == 0)
		die("no table is called '%s'", opt->table);
}

static void
run(struct work *w)
{
	pthread_t threads[MAX_FILES];
	const int n = w->opt->threads;

	w->left = w->nfiles;	/* from the end: the largest file first */
	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, worker, w) != 0)
			die("no thread");
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void
report(const struct work *w)
{
	uint64_t items = 0, plain = 0, packed = 0;

	for (int i = 0; i < w->nfiles; i++) {
		items += w->files[i].to - w->files[i].from;
		plain += w->files[i].plain_len;
		packed += w->files[i].packed_len;
	}
	printf("%s: %" PRIu64 " items, %" PRIu64 " bytes, %" PRIu64
	       " in %d files\n", w->opt->out, items, plain, packed, w->nfiles);
}

static uint64_t
whole_number(const char *option, const char *value, uint64_t most)
{
	char *end = NULL;

	errno = 0;
	const unsigned long long n = value == NULL ? 0 :
				     strtoull(value, &end, 10);
	if (value == NULL || errno != 0 || end == value || *end != '\0' ||
	    *value == '-' || n > most)
		die("%s takes a number up to %" PRIu64, option, most);
	return n;
}

static struct options
parse(char **argv)
{
	struct options o = { .items = 100000, .seed = 1, .threads = 2 };

	for (char **a = argv + 1; *a != NULL; a++) {
		const char *name = *a;

		if (strcmp(name, "--plain") == 0)
			o.plain = true;
		else if (strcmp(name, "--shuffle") == 0)
			o.shuffle = true;
		else if (strcmp(name, "--items") == 0)
			o.items = whole_number(name, *++a, 1u << 30);
		else if (strcmp(name, "--seed") == 0)
			o.seed = whole_number(name, *++a, UINT64_MAX);
		else if (strcmp(name, "--files") == 0)
			o.files = (int)whole_number(name, *++a, MAX_FILES);
		else if (strcmp(name, "--threads") == 0)
			o.threads = (int)whole_number(name, *++a, MAX_FILES);
		else if (strcmp(name, "--out") == 0 && a[1] != NULL)
			o.out = *++a;
		else if (strcmp(name, "--table") == 0 && a[1] != NULL)
			o.table = *++a;
		else
			die("'%s' is no option, or lacks its value", name);
	}
	if (o.out == NULL || *o.out == '\0')
		die("--out DIR is missing");
	if (o.items < 20)
		die("--items takes at least 20, so that no table is empty");
	if (o.threads < 1)
		o.threads = 1;
	return o;
}

int
main(int argc, char **argv)
{
	static struct work work = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	const struct options opt = parse(argv);

	(void)argc;
	work.opt = &opt;
	plan_files(&work);
	run(&work);
	for (int t = 0; t < NTABLES; t++)
		if (opt.table == NULL || strcmp(opt.table, tables[t].name) == 0)
			write_manifests(&work, t);
	report(&work);
	return EXIT_SUCCESS;
}
