/*
 * place.h - a feed or drain for whatever a place is: a path, or `-` for the
 * standard streams.
 */
#ifndef ENGINE_PLACE_H
#define ENGINE_PLACE_H

struct drain;
struct err;
struct feed;

/* NULL with *err set if it cannot be opened. */
struct feed *place_feed(const char *where, struct err *err);
struct drain *place_drain(const char *where, struct err *err);

#endif
