/* luastep.h - the step `lua`: items through a script (expr/script.h). */
#ifndef ENGINE_LUASTEP_H
#define ENGINE_LUASTEP_H

struct outputs_kind;

extern const struct outputs_kind luastep_kind;

#endif
