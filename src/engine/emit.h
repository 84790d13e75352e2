/* emit.h - the `emit` step: the outputs of one item; see outputs.h. */
#ifndef ENGINE_EMIT_H
#define ENGINE_EMIT_H

struct outputs_kind;

extern const struct outputs_kind emit_kind;

#endif
