#include "core/driver.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct lac_driver {
  lac_scheduler *scheduler;
  uv_loop_t *uv;
  uv_prepare_t prepare; /* referenced while a loop of the scheduler runs */
  uv_idle_t idle;       /* active while more is ready than one turn's budget allows */
  uv_timer_t timer;
  uv_async_t async; /* carries the flags below to the loop's thread; never referenced */
  volatile sig_atomic_t is_sent[LAC_HOOK_COUNT];
  double armed_when; /* deadline the timer is set to, in seconds; INFINITY if none */
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
  uv_unref((uv_handle_t *)&driver->prepare);
  bool is_alive = uv_loop_alive(driver->uv);
  uv_ref((uv_handle_t *)&driver->prepare);
  return is_alive;
}

/* Nothing is ready: decides how long the poll may block. True if it must not. */
static bool plan_wait(lac_driver *driver) {
  double deadline = lac_scheduler_deadline(driver->scheduler, false);
  arm_timer(driver, deadline);
  if (!lac_scheduler_is_running(driver->scheduler) || deadline < INFINITY || is_io_outstanding(driver)) return false;
  double virtual_deadline = lac_scheduler_deadline(driver->scheduler, true);
  if (virtual_deadline < INFINITY) {
    lac_scheduler_jump(driver->scheduler, virtual_deadline);
    return true;
  }
  if (driver->is_deadlock_reported) return false;
  driver->is_deadlock_reported = true;
  lac_scheduler_call(driver->scheduler, LAC_HOOK_DEADLOCK);
  return true;
}

static void on_prepare(uv_prepare_t *prepare) {
  lac_driver *driver = prepare->data;
  bool is_more = lac_scheduler_drain(driver->scheduler);
  if (!is_more) {
    uv_idle_stop(&driver->idle);
    fflush(stdout); /* what was printed is visible before the script waits */
    is_more = plan_wait(driver);
  }
  if (is_more) uv_idle_start(&driver->idle, on_idle);
}

static void on_async(uv_async_t *async) {
  lac_driver *driver = async->data;
  for (int hook = 0; hook < LAC_HOOK_COUNT; hook++) {
    if (!driver->is_sent[hook]) continue;
    driver->is_sent[hook] = 0;
    lac_scheduler_call(driver->scheduler, (lac_hook)hook);
  }
}

void lac_driver_send(lac_driver *driver, lac_hook hook) {
  driver->is_sent[hook] = 1;
  uv_async_send(&driver->async);
}

static void set_running(void *data, bool is_running) {
  lac_driver *driver = data;
  if (is_running)
    uv_ref((uv_handle_t *)&driver->prepare);
  else
    uv_unref((uv_handle_t *)&driver->prepare);
}

static void notify(void *data) {
  lac_driver_send(data, LAC_HOOK_NOTIFIED);
}

lac_scheduler *lac_driver_scheduler(lac_driver *driver) {
  return driver->scheduler;
}

lac_driver *lac_driver_open(lua_State *L, uv_loop_t *uv, const lacuna_options *options) {
  lac_driver *driver = calloc(1, sizeof *driver);
  if (!driver) return NULL;
  driver->scheduler = lac_scheduler_new(L, (lac_scheduler_host){driver, set_running, notify}, options);
  if (!driver->scheduler || uv_async_init(uv, &driver->async, on_async) < 0) {
    lac_scheduler_free(driver->scheduler);
    free(driver);
    return NULL;
  }
  uv_prepare_init(uv, &driver->prepare);
  uv_idle_init(uv, &driver->idle);
  uv_timer_init(uv, &driver->timer);
  uv_prepare_start(&driver->prepare, on_prepare);
  uv_unref((uv_handle_t *)&driver->prepare);
  uv_unref((uv_handle_t *)&driver->async);
  driver->prepare.data = driver->idle.data = driver->timer.data = driver->async.data = driver;
  driver->uv = uv;
  driver->armed_when = INFINITY;
  return driver;
}

void lac_driver_close(lac_driver *driver) {
  uv_close((uv_handle_t *)&driver->prepare, NULL);
  uv_close((uv_handle_t *)&driver->idle, NULL);
  uv_close((uv_handle_t *)&driver->timer, NULL);
  uv_close((uv_handle_t *)&driver->async, NULL);
}

void lac_driver_free(lac_driver *driver) {
  if (!driver) return;
  lac_scheduler_free(driver->scheduler);
  free(driver);
}
