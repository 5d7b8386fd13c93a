#include "core/driver.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "core/output.h"
#include "core/patience.h"
#include "core/runtime.h"

enum { TURN_NS = 50 * 1000 }; /* of running between two polls */

struct lac_driver {
  lacuna_t *runtime;
  lac_scheduler *scheduler;
  lac_inbox *inbox;
  uv_loop_t *uv;
  uv_prepare_t prepare; /* referenced while the runtime itself runs the loop */
  uv_check_t check;
  uv_idle_t idle; /* active while more is ready than one turn's budget allows */
  uv_timer_t timer;
  uv_async_t async; /* carries the inbox and the flags below to the loop's thread; referenced while there are holds */
  volatile sig_atomic_t is_sent[LAC_HOOK_COUNT];
  uint64_t turn_count;
  int hold_count;
  int expect_count;
  lac_patience patience;
  int run_count;            /* of lac_driver_run and lac_driver_step that are under way: at most one */
  bool is_draining;         /* in on_prepare */
  bool is_polling;          /* between on_prepare and on_check, where the loop's callbacks for descriptors are */
  void (*turn)(void *data); /* in place of a turn of the loop in lac_driver_run; NULL without */
  void *turn_data;
  bool (*is_over)(void *data); /* what lac_driver_run waits for; NULL outside */
  void *over_data;
  bool is_script;       /* it runs a script, in which a deadlock is reported */
  uint64_t step_end_ns; /* of lac_driver_step; else UINT64_MAX */
  uint64_t wake_ns;     /* when lac_driver_run stops waiting; UINT64_MAX: never */
  double armed_when;    /* deadline the timer is set to, in seconds; INFINITY if none */
  bool is_deadlock_reported;
};

static void on_idle(uv_idle_t *idle) {
  (void)idle; /* an active idle handle keeps the poll from blocking: that is all it is for */
}

static void on_timer(uv_timer_t *timer) {
  lac_driver *driver = timer->data;
  driver->armed_when = INFINITY; /* the next prepare expires what is due */
}

/* Sets the timer to the nearest deadline on the real clock. */
static void arm_timer(lac_driver *driver, double when) {
  if (when == driver->armed_when) return;
  driver->armed_when = when;
  if (when == INFINITY) {
    uv_timer_stop(&driver->timer);
    return;
  }
  uv_update_time(driver->uv);
  double delay_ms = ceil(when * 1e3 - (double)uv_hrtime() / 1e6); /* up: rounded down it would fire early */
  delay_ms = fmin(fmax(delay_ms, 0), 1e15);
  uv_timer_start(&driver->timer, on_timer, (uint64_t)delay_ms, 0);
}

/* True if the uv loop has anything to wait for besides the driver's own handles, which are unreferenced or inactive
 * here: the prepare handle is put aside for the question. */
static bool is_io_outstanding(lac_driver *driver) {
  bool was_referenced = uv_has_ref((uv_handle_t *)&driver->prepare);
  uv_unref((uv_handle_t *)&driver->prepare);
  bool is_alive = uv_loop_alive(driver->uv);
  if (was_referenced) uv_ref((uv_handle_t *)&driver->prepare);
  return is_alive;
}

/* Nothing is ready: decides how long the poll may block. True if it must not. */
static bool plan_wait(lac_driver *driver) {
  if (driver->is_over && driver->is_over(driver->over_data)) return true;
  double deadline = lac_scheduler_deadline(driver->scheduler, false);
  arm_timer(driver, deadline);
  if (deadline == INFINITY && !is_io_outstanding(driver)) {
    double virtual_deadline = lac_scheduler_deadline(driver->scheduler, true);
    if (virtual_deadline < INFINITY) {
      lac_scheduler_jump(driver->scheduler, virtual_deadline);
      return true;
    }
    if (driver->is_script && !driver->is_deadlock_reported) {
      driver->is_deadlock_reported = true;
      lac_scheduler_call(driver->scheduler, LAC_HOOK_DEADLOCK);
      return true;
    }
  } else {
    driver->is_deadlock_reported = false; /* whoever was told of the last one has ended it */
  }
  if (driver->wake_ns < UINT64_MAX) arm_timer(driver, fmin(deadline, (double)driver->wake_ns / 1e9));
  return false;
}

/* Whether a descriptor of the loop's is. A look costs a third of what a poll(2) of the loop's descriptor does. */
static bool is_readable(const lac_driver *driver) {
  struct epoll_event event;
  return epoll_wait(uv_backend_fd(driver->uv), &event, 1, 0) != 0;
}

static bool is_expected_there(void *data) {
  return is_readable(data);
}

/* The poll is about to block, unless the program runs the loop and may have other plans. */
static void look_for_expected(lac_driver *driver) {
  if (driver->expect_count == 0 || !driver->is_over || driver->turn || uv_backend_timeout(driver->uv) == 0) return;
  lac_look(&driver->patience, is_expected_there, driver);
}

static uint64_t turn_budget(const lac_driver *driver) {
  if (driver->step_end_ns == UINT64_MAX) return TURN_NS;
  uint64_t now_ns = uv_hrtime();
  if (now_ns >= driver->step_end_ns) return 1;
  return driver->step_end_ns - now_ns < TURN_NS ? driver->step_end_ns - now_ns : TURN_NS;
}

static void on_prepare(uv_prepare_t *prepare) {
  lac_driver *driver = prepare->data;
  bool has_entered = lac_inbox_enter(driver->inbox);
  driver->turn_count++;
  driver->is_draining = true;
  bool is_more = !lac_inbox_deliver(driver->inbox, driver->runtime, turn_budget(driver));
  if (lac_scheduler_drain(driver->scheduler, turn_budget(driver)) || !lac_inbox_is_empty(driver->inbox)) is_more = true;
  if (!is_more) {
    uv_idle_stop(&driver->idle);
    lac_output_flush(lac_runtime_output(driver->runtime)); /* what was printed is visible before the script waits */
    is_more = !lac_inbox_is_empty(driver->inbox) || plan_wait(driver);
  }
  driver->is_draining = false;
  lac_inbox_leave(driver->inbox, has_entered);
  if (is_more)
    uv_idle_start(&driver->idle, on_idle);
  else
    look_for_expected(driver);
  driver->is_polling = true;
}

static void on_check(uv_check_t *check) {
  lac_driver *driver = check->data;
  driver->is_polling = false;
}

static void on_async(uv_async_t *async) {
  lac_driver *driver = async->data;
  for (int hook = 0; hook < LAC_HOOK_COUNT; hook++) {
    if (!driver->is_sent[hook]) continue;
    driver->is_sent[hook] = 0;
    lac_scheduler_call(driver->scheduler, (lac_hook)hook);
  }
  if (!lac_inbox_is_empty(driver->inbox)) lac_driver_wake(driver);
}

void lac_driver_send(lac_driver *driver, lac_hook hook) {
  driver->is_sent[hook] = 1;
  uv_async_send(&driver->async);
}

static void notify(void *data) {
  lac_driver_send(data, LAC_HOOK_NOTIFIED);
}

void lac_driver_wake(lac_driver *driver) {
  if (!driver->is_draining && !uv_is_closing((uv_handle_t *)&driver->idle)) uv_idle_start(&driver->idle, on_idle);
}

void lac_driver_hold(lac_driver *driver) {
  if (driver->hold_count++ == 0) uv_ref((uv_handle_t *)&driver->async);
}

void lac_driver_release(lac_driver *driver) {
  if (--driver->hold_count == 0) uv_unref((uv_handle_t *)&driver->async);
}

void lac_driver_expect(lac_driver *driver) {
  driver->expect_count++;
}

void lac_driver_unexpect(lac_driver *driver) {
  driver->expect_count--;
}

void lac_driver_set_turn(lac_driver *driver, void (*turn)(void *data), void *data) {
  driver->turn = turn;
  driver->turn_data = data;
  uv_stop(driver->uv);
}

int lac_driver_turn(lac_driver *driver) {
  uv_run(driver->uv, UV_RUN_NOWAIT);
  bool is_due = lac_scheduler_is_ready(driver->scheduler) || !lac_inbox_is_empty(driver->inbox);
  return is_due ? 0 : uv_backend_timeout(driver->uv);
}

bool lac_driver_is_inside(const lac_driver *driver) {
  return driver->run_count > 0 || driver->is_draining || driver->is_polling;
}

uint64_t lac_driver_turn_count(const lac_driver *driver) {
  return driver->turn_count;
}

static void begin_run(lac_driver *driver) {
  lac_inbox_enter(driver->inbox);
  driver->run_count++;
  uv_ref((uv_handle_t *)&driver->prepare);
}

static void end_run(lac_driver *driver) {
  lac_inbox_leave(driver->inbox, driver->run_count == 1);
  lac_output_flush(lac_runtime_output(driver->runtime));
  driver->run_count--;
  uv_unref((uv_handle_t *)&driver->prepare);
}

bool lac_driver_run(lac_driver *driver, bool (*is_over)(void *data), void *data, int timeout_ms, bool is_script) {
  uint64_t wake_ns = timeout_ms < 0 ? UINT64_MAX : uv_hrtime() + (uint64_t)timeout_ms * 1000000;
  begin_run(driver);
  driver->is_over = is_over;
  driver->over_data = data;
  driver->is_script = is_script;
  driver->is_deadlock_reported = false;
  driver->wake_ns = wake_ns;
  bool has_ended = is_over(data);
  while (!has_ended && (wake_ns == UINT64_MAX || uv_hrtime() < wake_ns)) {
    if (driver->turn)
      driver->turn(driver->turn_data);
    else
      uv_run(driver->uv, UV_RUN_ONCE);
    has_ended = is_over(data);
  }
  driver->wake_ns = UINT64_MAX;
  driver->is_over = NULL;
  driver->is_script = false;
  arm_timer(driver, lac_scheduler_deadline(driver->scheduler, false));
  end_run(driver);
  return has_ended;
}

/* Whether the next turn would find something to call without waiting: something ready, a timer, a handle that closes.
 */
static bool is_due(lac_driver *driver) {
  if (!lac_inbox_is_empty(driver->inbox)) return true;
  if (!uv_loop_alive(driver->uv)) return false;
  uv_update_time(driver->uv);
  return uv_backend_timeout(driver->uv) == 0;
}

bool lac_driver_step(lac_driver *driver, uint64_t budget_ns) {
  bool was_readable = is_readable(driver);
  if (!was_readable && !is_due(driver)) return false;
  uint64_t now_ns = uv_hrtime();
  driver->step_end_ns = budget_ns < UINT64_MAX - now_ns ? now_ns + budget_ns : UINT64_MAX - 1;
  begin_run(driver);
  bool is_more = true;
  while (is_more) {
    uv_run(driver->uv, UV_RUN_NOWAIT);
    /* A callback of the poll may have started to watch a descriptor, which the loop's own learns of in the next turn.
     */
    bool is_readable_again = is_readable(driver);
    is_more = was_readable || is_readable_again || is_due(driver);
    was_readable = is_readable_again;
    if (uv_hrtime() >= driver->step_end_ns) break;
  }
  driver->step_end_ns = UINT64_MAX;
  end_run(driver);
  return is_more;
}

int lac_driver_timeout(lac_driver *driver) {
  if (!lac_inbox_is_empty(driver->inbox)) return 0;
  if (!uv_loop_alive(driver->uv)) return -1;
  uv_update_time(driver->uv);
  return uv_backend_timeout(driver->uv);
}

lac_scheduler *lac_driver_scheduler(lac_driver *driver) {
  return driver->scheduler;
}

lac_inbox *lac_driver_inbox(lac_driver *driver) {
  return driver->inbox;
}

lac_driver *lac_driver_open(lacuna_t *runtime, lua_State *L, uv_loop_t *uv, const lacuna_options *options) {
  lac_driver *driver = calloc(1, sizeof *driver);
  if (!driver) return NULL;
  driver->runtime = runtime;
  driver->inbox = lac_inbox_new(&driver->async);
  if (driver->inbox) driver->scheduler = lac_scheduler_new(L, (lac_scheduler_host){driver, notify}, options);
  if (!driver->scheduler || uv_async_init(uv, &driver->async, on_async) < 0) {
    lac_scheduler_free(driver->scheduler);
    lac_inbox_drop(driver->inbox);
    free(driver);
    return NULL;
  }
  uv_prepare_init(uv, &driver->prepare);
  uv_idle_init(uv, &driver->idle);
  uv_timer_init(uv, &driver->timer);
  uv_check_init(uv, &driver->check);
  uv_prepare_start(&driver->prepare, on_prepare);
  uv_check_start(&driver->check, on_check);
  uv_unref((uv_handle_t *)&driver->prepare);
  uv_unref((uv_handle_t *)&driver->check);
  uv_unref((uv_handle_t *)&driver->async);
  driver->prepare.data = driver->check.data = driver->idle.data = driver->timer.data = driver->async.data = driver;
  driver->uv = uv;
  driver->armed_when = INFINITY;
  driver->step_end_ns = driver->wake_ns = UINT64_MAX;
  return driver;
}

void lac_driver_close(lac_driver *driver) {
  lac_inbox_close(driver->inbox);
  lac_inbox_deliver(driver->inbox, driver->runtime, UINT64_MAX);
  uv_close((uv_handle_t *)&driver->prepare, NULL);
  uv_close((uv_handle_t *)&driver->check, NULL);
  uv_close((uv_handle_t *)&driver->idle, NULL);
  uv_close((uv_handle_t *)&driver->timer, NULL);
  uv_close((uv_handle_t *)&driver->async, NULL);
}

void lac_driver_free(lac_driver *driver) {
  if (!driver) return;
  lac_scheduler_free(driver->scheduler);
  lac_inbox_drop(driver->inbox);
  free(driver);
}
