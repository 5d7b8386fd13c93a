/* offload: work that blocks, as much of it as libuv's pool has threads, and a file that is looked at meanwhile: the
 * work ends only when that has been done. */
#include <lacuna.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

enum { JOBS = 5 };

static int ends[2];
static int jobs_done;

static void read_a_byte(void *data) {
  char byte;
  *(bool *)data = read(ends[0], &byte, 1) == 1;
}

static void on_read(void *data) {
  jobs_done += *(bool *)data;
}

static void on_stat(uv_fs_t *request) {
  printf("looked at a file: %s, jobs done: %d\n", request->result == 0 ? "yes" : "no", jobs_done);
  uv_fs_req_cleanup(request);
  if (write(ends[1], "12345", JOBS) != JOBS) perror("write");
}

int main(void) {
  bool has_read[JOBS] = {false};
  uv_fs_t request;
  lacuna_t *runtime = lacuna_new(NULL);
  if (!runtime || pipe(ends) != 0) return 1;
  for (int i = 0; i < JOBS; i++) {
    if (!lacuna_offload(runtime, read_a_byte, on_read, &has_read[i])) return 1;
  }
  uv_fs_stat(lacuna_loop(runtime), &request, "/", on_stat);
  uv_run(lacuna_loop(runtime), UV_RUN_DEFAULT);
  printf("jobs done: %d\n", jobs_done);
  lacuna_free(runtime);
  return 0;
}
