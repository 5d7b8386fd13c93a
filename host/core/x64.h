/* x64: how long a machine instruction is. Knows what LuaJIT emits for x86-64 and its like, no more; decodes nothing. */
#ifndef LAC_CORE_X64_H
#define LAC_CORE_X64_H

#include <stddef.h>

/* The length in bytes of the instruction at `code`; 0 if it is not known, or longer than `left`. Reads at most `left`
 * bytes. Async-signal-safe. */
size_t lac_x64_length(const unsigned char *code, size_t left);

#endif
