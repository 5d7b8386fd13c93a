/* limit_pipelined: limit.c with the queries of ten tasks sent together. */
#include <postgresql/libpq-fe.h>
#define PIPELINED 1
#include "limit.c"
