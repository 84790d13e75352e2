/* pipe.h - the step `pipe`: items through another program (docs/PIPE.md). */
#ifndef ENGINE_PIPE_H
#define ENGINE_PIPE_H

struct outputs_kind;

extern const struct outputs_kind pipe_kind;

#endif
