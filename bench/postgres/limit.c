/* limit HOST COUNT CONNECTIONS TASKS: what libpq on libuv costs: SELECT 1 COUNT times as a prepared statement with a
 * binary result, a poll handle kept for each connection, and nothing of what a driver has to offer. A connection has
 * one query under way; with PIPELINED (limit_pipelined.c) its share of the tasks, sent together. */
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#ifndef PIPELINED
#define PIPELINED 0
#endif

typedef struct connection {
  uv_poll_t poll;
  PGconn *pg;
  long under_way;
} connection;

static uv_loop_t loop;
static long left, share, sum;

static void fail(PGconn *pg) {
  fputs(PQerrorMessage(pg), stderr);
  exit(1);
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* Writes what the socket takes, and watches for what is still to come. */
static void flush_and_watch(connection *c) {
  int unsent = PQflush(c->pg);
  if (unsent < 0) fail(c->pg);
  if (c->under_way == 0) {
    uv_poll_stop(&c->poll);
  } else {
    uv_poll_start(&c->poll, unsent ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
  }
}

/* Sends as many queries as the connection may have under way. */
static void send_queries(connection *c) {
  int is_sent = 0;
  for (; c->under_way < share && left > 0; left--, c->under_way++, is_sent = 1)
    if (!PQsendQueryPrepared(c->pg, "one", 0, NULL, NULL, NULL, 1)) fail(c->pg);
  if (PIPELINED && is_sent && !PQpipelineSync(c->pg)) fail(c->pg);
  flush_and_watch(c);
}

static void take_result(connection *c, PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK) {
    const unsigned char *value =
        (const unsigned char *)PQgetvalue(result, 0, 0); /* an integer of 4 bytes, big-endian */
    sum += (long)value[0] << 24 | value[1] << 16 | value[2] << 8 | value[3];
    c->under_way--;
  } else if (status != PGRES_PIPELINE_SYNC) {
    fail(c->pg);
  }
  PQclear(result);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  connection *c = poll->data;
  if (status < 0 || !PQconsumeInput(c->pg)) fail(c->pg);
  /* A NULL ends the results of one query, and only then may the next be sent; in a pipeline results may follow it. */
  int ends = 0;
  while (ends < (PIPELINED ? 2 : 1) && !PQisBusy(c->pg)) {
    PGresult *result = PQgetResult(c->pg);
    if (result) take_result(c, result);
    ends = result ? 0 : ends + 1;
  }
  if (c->under_way == 0 && ends > 0) {
    send_queries(c);
  } else if (events & UV_WRITABLE) {
    flush_and_watch(c);
  }
}

int main(int argc, char **argv) {
  if (argc < 5) return 2;
  long connections = atol(argv[3]), tasks = atol(argv[4]);
  left = atol(argv[2]);
  share = PIPELINED ? tasks / connections : 1;
  const char *const keywords[] = {"host", "user", "dbname", NULL}, *const values[] = {argv[1], "bench", "postgres",
                                                                                      NULL};
  connection *all = calloc((size_t)connections, sizeof *all);
  if (!all) return 1;
  uv_loop_init(&loop);
  for (long i = 0; i < connections; i++) {
    connection *c = &all[i];
    c->pg = PQconnectdbParams(keywords, values, 0);
    if (PQstatus(c->pg) != CONNECTION_OK) fail(c->pg);
    PQclear(PQprepare(c->pg, "one", "SELECT 1", 0, NULL));
    if (PQsetnonblocking(c->pg, 1) < 0 || (PIPELINED && !PQenterPipelineMode(c->pg))) fail(c->pg);
    uv_poll_init(&loop, &c->poll, PQsocket(c->pg));
    c->poll.data = c;
  }
  double started = (double)uv_hrtime() / 1e9;
  clock_t started_cpu = clock();
  for (long i = 0; i < connections; i++) send_queries(&all[i]);
  uv_run(&loop, UV_RUN_DEFAULT);
  printf("wall_s %f\ncpu_s %f\nsum %ld\n", (double)uv_hrtime() / 1e9 - started,
         (double)(clock() - started_cpu) / CLOCKS_PER_SEC, sum);
  for (long i = 0; i < connections; i++) PQfinish(all[i].pg);
  free(all);
  return 0;
}
