#define _GNU_SOURCE /* REG_RIP */
#include "core/interrupt.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/runtime.h"
#include "core/traces.h"

enum {
  SIGNAL = SIGURG,
  NS_PER_US = 1000,
  RETRY_NS = 200 * NS_PER_US, /* while the thread was found in C code called from a trace */
  CLEAN_UP_NS = 100 * 1000 * NS_PER_US,
  FORCE_NS = 1000 * 1000 * NS_PER_US,
  TICKS_PER_LIMIT = 4,
};

enum { NO_TIMER = -1 }; /* the kernel counts from 0 */

typedef enum phase {
  WAITING,  /* nothing raised yet */
  CLEANING, /* raised once; again after CLEAN_UP_NS */
  ENDLESS,  /* at every instruction */
} phase;

typedef enum reason { NO_REASON, STEP, RUN, MEMORY } reason;

/* Fields without `atomic` belong to the runtime's thread and the signal handler on it. */
struct lac_interrupt {
  lua_State *L;
  lac_traces *traces;
  double time_limit;
  atomic_int thread_id;                  /* the kernel's, of the thread that entered last */
  atomic_ullong step, run;               /* what is going on; run is 0 between runs */
  atomic_ullong wanted_step, wanted_run; /* what is to be interrupted; 0: none */
  atomic_ullong not_before_ns;           /* for wanted_step, as a request left it */
  atomic_ullong run_not_before_ns;       /* the same for wanted_run */
  atomic_bool is_limit_exceeded;         /* wanted_step is so by the time limit */
  const void *thread;                    /* the address of `running` on that thread */
  int attempt_timer, limit_timer;
  unsigned long long watched_step;
  int ticks;                           /* of the limit timer, that have found watched_step going on */
  volatile unsigned long long subject; /* the step or run that phase and due_ns are about */
  volatile phase phase;
  volatile uint64_t due_ns;
  volatile uint64_t forced_ns;  /* when own code is broken off too, rather than never */
  volatile sig_atomic_t is_due; /* the hook is to raise what is wanted */
  volatile sig_atomic_t is_hook_running, is_hook_set;
  bool is_collection_due;   /* at the next instruction */
  bool is_memory_exhausted; /* a collection did not help: the user's next instruction raises */
  bool is_memory_raised;    /* which it just did: the collection that follows is not to raise again */
  bool (*collect)(void *data);
  void *collect_data;
  const char *stack_top;    /* where the C stack was when the thread entered Lua */
  volatile reason left_for; /* compiled code was left: the hook has to raise, for this reason */
  lua_Hook former_hook;     /* the script's own, to be restored */
  int former_mask, former_count;
};

/* The runtime whose Lua code this thread is running. Known to the linker, so that a signal handler may read it. */
static _Thread_local lac_interrupt *volatile running __attribute__((tls_model("initial-exec")));

static const char raise_key; /* its address is the registry's key for the function that makes the error */

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* ---- timers: by system calls, because the library's wrappers are not promised to be safe in a signal handler ---- */

static int open_timer(clockid_t clock) {
  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGNAL;
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  event.sigev_value.sival_int = (int)clock;
  int timer = NO_TIMER;
  return syscall(SYS_timer_create, clock, &event, &timer) == 0 ? timer : NO_TIMER;
}

static void set_timer(int timer, uint64_t delay_ns, uint64_t interval_ns) {
  struct itimerspec times = {
      .it_value = {(time_t)(delay_ns / 1000000000U), (long)(delay_ns % 1000000000U)},
      .it_interval = {(time_t)(interval_ns / 1000000000U), (long)(interval_ns % 1000000000U)},
  };
  if (timer != NO_TIMER) syscall(SYS_timer_settime, timer, 0, &times, NULL);
}

static void close_timer(int *timer) {
  if (*timer != NO_TIMER) syscall(SYS_timer_delete, *timer);
  *timer = NO_TIMER;
}

/* Has the handler called again after a time. */
static void attempt_in(lac_interrupt *interrupt, uint64_t delay_ns) {
  if (interrupt->attempt_timer == NO_TIMER) interrupt->attempt_timer = open_timer(CLOCK_MONOTONIC);
  set_timer(interrupt->attempt_timer, delay_ns ? delay_ns : 1, 0);
}

/* ---- on the runtime's thread, as a signal handler or a hook ---- */

static reason wanted(const lac_interrupt *interrupt) {
  unsigned long long run = atomic_load(&interrupt->wanted_run);
  if (run && run == atomic_load(&interrupt->run)) return RUN;
  unsigned long long step = atomic_load(&interrupt->wanted_step);
  return step && step == atomic_load(&interrupt->step) ? STEP : NO_REASON;
}

static uint64_t not_before(const lac_interrupt *interrupt, reason reason) {
  return atomic_load(reason == RUN ? &interrupt->run_not_before_ns : &interrupt->not_before_ns);
}

static void on_hook(lua_State *L, lua_Debug *frame);

/* Off first: where the handler came between LuaJIT's reading of the mask and its writing of the dispatch table, only a
 * change has the table written anew. */
static void set_hook(lac_interrupt *interrupt) {
  lua_State *L = interrupt->L;
  if (lua_gethook(L) != on_hook) {
    interrupt->former_hook = lua_gethook(L);
    interrupt->former_mask = lua_gethookmask(L);
    interrupt->former_count = lua_gethookcount(L);
  }
  lua_sethook(L, NULL, 0, 0);
  lua_sethook(L, on_hook, LUA_MASKCOUNT, 1);
  interrupt->is_hook_set = 1;
}

static void restore_hook(lac_interrupt *interrupt) {
  if (!interrupt->is_hook_set) return;
  lua_sethook(interrupt->L, interrupt->former_hook, interrupt->former_mask, interrupt->former_count);
  interrupt->is_hook_set = 0;
}

/* Something is wanted: sets the hook if it is time, and comes back until the hook has run. */
static void attempt(lac_interrupt *interrupt, reason reason, uintptr_t pc) {
  if (interrupt->is_hook_running) return;
  bool is_run = reason == RUN;
  unsigned long long subject = atomic_load(is_run ? &interrupt->run : &interrupt->step);
  uint64_t now = now_ns();
  if (interrupt->subject != subject) interrupt->phase = WAITING;
  interrupt->subject = subject;
  uint64_t due = interrupt->due_ns;
  if (interrupt->phase == WAITING) due = not_before(interrupt, reason);
  if (now < due) {
    attempt_in(interrupt, due - now);
    return;
  }
  if (interrupt->phase == CLEANING) interrupt->phase = ENDLESS;
  if (!interrupt->is_due) interrupt->forced_ns = now + FORCE_NS;
  interrupt->is_due = 1;
  set_hook(interrupt);
  if (lac_traces_leave(interrupt->traces, pc, now >= interrupt->forced_ns)) interrupt->left_for = reason;
  attempt_in(interrupt, RETRY_NS);
}

/* A quarter of the time limit has passed on the thread's own clock. */
static void on_tick(lac_interrupt *interrupt) {
  unsigned long long step = atomic_load_explicit(&interrupt->step, memory_order_relaxed);
  if (step != interrupt->watched_step) {
    interrupt->watched_step = step;
    interrupt->ticks = 0;
  } else if (++interrupt->ticks == TICKS_PER_LIMIT) {
    interrupt->is_limit_exceeded = 1;
    atomic_store(&interrupt->not_before_ns, 0);
    atomic_store(&interrupt->wanted_step, step);
  }
}

static uintptr_t pc_of(const void *context) {
#if defined(__x86_64__)
  return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#else
  (void)context;
  return 0;
#endif
}

static struct sigaction former_action; /* written once, before the handler can be called */

static void on_signal(int signal_number, siginfo_t *info, void *context) {
  int saved_errno = errno;
  lac_interrupt *interrupt = running;
  bool is_ours = info->si_code == SI_TIMER || info->si_code == SI_TKILL;
  if (interrupt && is_ours) {
    if (info->si_code == SI_TIMER && info->si_value.sival_int == CLOCK_THREAD_CPUTIME_ID) on_tick(interrupt);
    reason reason = wanted(interrupt);
    if (reason) attempt(interrupt, reason, pc_of(context));
  }
  if (!is_ours && (former_action.sa_flags & SA_SIGINFO)) {
    former_action.sa_sigaction(signal_number, info, context);
  } else if (!is_ours && former_action.sa_handler != SIG_DFL && former_action.sa_handler != SIG_IGN) {
    former_action.sa_handler(signal_number);
  }
  errno = saved_errno;
}

#if defined(__SANITIZE_THREAD__)
/* The thread sanitizer holds signals back until the next call that it knows, and compiled Lua makes none: past it. */
int __sigaction(int signal_number, const struct sigaction *action, struct sigaction *former);
#define sigaction(signal_number, action, former) __sigaction(signal_number, action, former)
#endif

/* Installs the handler, once in the process's life. */
static void watch_signal(void) {
  static atomic_flag is_installed = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&is_installed)) return;
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaction(SIGNAL, NULL, &former_action);
  sigaction(SIGNAL, &action, NULL);
}

static void push_error(lua_State *L, const lac_interrupt *interrupt, reason reason) {
  lua_pushlightuserdata(L, (void *)&raise_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (reason == STEP && interrupt->is_limit_exceeded)
    lua_pushnumber(L, interrupt->time_limit);
  else
    lua_pushstring(L, reason == STEP ? "step" : reason == RUN ? "cancelled" : "memory");
  if (!lua_isfunction(L, -2)) return;
  lua_call(L, 1, 1);
}

/* The hook runs for what the signal handler asked for: the reason to raise, or none. */
static reason end_attempt(lac_interrupt *interrupt, bool is_in_own_code) {
  bool is_left = interrupt->left_for != NO_REASON;
  reason reason = is_left ? interrupt->left_for : wanted(interrupt);
  interrupt->left_for = NO_REASON;
  if (is_left) lac_traces_mend(interrupt->traces);
  if (!reason) interrupt->is_due = 0;
  if (!is_left && (is_in_own_code || !interrupt->is_due)) return NO_REASON;
  if (reason && interrupt->phase == WAITING) {
    interrupt->is_due = 0;
    interrupt->phase = CLEANING;
    interrupt->due_ns = now_ns() + CLEAN_UP_NS;
    attempt_in(interrupt, CLEAN_UP_NS);
  } else if (reason) {
    close_timer(&interrupt->attempt_timer);
  }
  return reason;
}

static void raise_due(lac_interrupt *interrupt, lua_State *L, bool is_in_own_code) {
  if (interrupt->is_collection_due) {
    interrupt->is_collection_due = 0;
    bool is_exhausted = interrupt->collect(interrupt->collect_data);
    interrupt->is_memory_exhausted = is_exhausted && !interrupt->is_memory_raised;
    interrupt->is_memory_raised = false;
  }
  reason reason = end_attempt(interrupt, is_in_own_code);
  if (!reason && interrupt->is_memory_exhausted && !is_in_own_code) {
    interrupt->is_memory_exhausted = false;
    interrupt->is_memory_raised = interrupt->is_collection_due = true; /* what the raise lets go of */
    reason = MEMORY;
  }
  if (!interrupt->is_due && !interrupt->is_memory_exhausted && !interrupt->is_collection_due) restore_hook(interrupt);
  interrupt->is_hook_running = 0;
  if (!reason) return;
  push_error(L, interrupt, reason);
  lua_error(L);
}

static void on_hook(lua_State *L, lua_Debug *frame) {
  lac_interrupt *interrupt = running;
  if (!interrupt || interrupt->is_hook_running) return;
  interrupt->is_hook_running = 1;
  raise_due(interrupt, L, lac_is_own_code(L, frame));
}

/* ---- on the runtime's thread, in the ordinary course of things ---- */

/* The runtime is used by another thread than before, or for the first time. */
static void change_thread(lac_interrupt *interrupt) {
  interrupt->thread = (const void *)&running;
  atomic_store(&interrupt->thread_id, (int)syscall(SYS_gettid)); /* before `wanted` is read: see lac_interrupt_run */
  sigset_t signals;                                              /* threads are often made with all signals blocked */
  sigemptyset(&signals);
  sigaddset(&signals, SIGNAL);
  pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
  close_timer(&interrupt->attempt_timer);
  close_timer(&interrupt->limit_timer);
  if (interrupt->time_limit <= 0) return;
  watch_signal();
  interrupt->limit_timer = open_timer(CLOCK_THREAD_CPUTIME_ID);
  uint64_t interval_ns = (uint64_t)(interrupt->time_limit * 1e9 / TICKS_PER_LIMIT) + 1;
  set_timer(interrupt->limit_timer, interval_ns, interval_ns);
}

atomic_ullong *lac_interrupt_steps(lac_interrupt *interrupt) {
  return &interrupt->step;
}

lac_interrupt *lac_interrupt_enter(lac_interrupt *interrupt) {
  lac_interrupt *outer = running;
  if (interrupt->thread != (const void *)&running) change_thread(interrupt);
  lac_next_step(&interrupt->step);
  if (outer != interrupt) interrupt->stack_top = __builtin_frame_address(0);
  running = interrupt;
  /* A request's signal that came before this found nobody; what it asked for is seen here. */
  atomic_signal_fence(memory_order_seq_cst);
  if (atomic_load_explicit(&interrupt->wanted_run, memory_order_relaxed) && wanted(interrupt) == RUN)
    attempt_in(interrupt, 0);
  return outer;
}

void lac_interrupt_leave(lac_interrupt *outer) {
  running = outer;
}

void lac_interrupt_collect(lac_interrupt *interrupt) {
  if (running != interrupt || interrupt->is_hook_running) return;
  interrupt->is_collection_due = true;
  set_hook(interrupt);
}

void lac_interrupt_on_collect(lac_interrupt *interrupt, bool (*collect)(void *data), void *data) {
  interrupt->collect = collect;
  interrupt->collect_data = data;
}

size_t lac_interrupt_stack_bytes(const lac_interrupt *interrupt) {
  const char *here = __builtin_frame_address(0);
  return here < interrupt->stack_top ? (size_t)(interrupt->stack_top - here) : 0;
}

void lac_interrupt_set_run(lac_interrupt *interrupt, uint64_t run) {
  atomic_store(&interrupt->run, run);
}

bool lac_interrupt_is_due(const lac_interrupt *interrupt) {
  return interrupt->is_due;
}

void lac_interrupt_raise(lac_interrupt *interrupt, lua_State *L) {
  if (interrupt->is_hook_running) return;
  interrupt->is_hook_running = 1;
  raise_due(interrupt, L, false);
}

/* ---- from anywhere ---- */

/* A stale thread id does no harm: where no such thread is left the signal goes nowhere, elsewhere it finds another
 * runtime, or none. */
static void send_signal(lac_interrupt *interrupt) {
  watch_signal();
  int thread_id = atomic_load(&interrupt->thread_id);
  if (thread_id) syscall(SYS_tgkill, getpid(), thread_id, SIGNAL);
}

void lac_interrupt_run(lac_interrupt *interrupt, uint64_t run, unsigned grace_ms) {
  atomic_store(&interrupt->run_not_before_ns, now_ns() + (uint64_t)grace_ms * 1000000U);
  atomic_store(&interrupt->wanted_run, run);
  send_signal(interrupt);
}

void lac_interrupt_step(lac_interrupt *interrupt, unsigned grace_ms) {
  interrupt->is_limit_exceeded = 0;
  atomic_store(&interrupt->not_before_ns, now_ns() + (uint64_t)grace_ms * 1000000U);
  atomic_store(&interrupt->wanted_step, atomic_load(&interrupt->step));
  send_signal(interrupt);
}

/* ---- opening and closing ---- */

lac_interrupt *lac_interrupt_new(void) {
  lac_interrupt *interrupt = calloc(1, sizeof *interrupt);
  if (!interrupt) return NULL;
  interrupt->traces = lac_traces_new();
  if (!interrupt->traces) {
    free(interrupt);
    return NULL;
  }
  interrupt->attempt_timer = interrupt->limit_timer = NO_TIMER;
  return interrupt;
}

void lac_interrupt_open(lac_interrupt *interrupt, lua_State *L, double time_limit) {
  interrupt->L = L;
  interrupt->time_limit = time_limit;
  lac_traces_watch(interrupt->traces, L);
}

void lac_interrupt_free(lac_interrupt *interrupt) {
  if (!interrupt) return;
  close_timer(&interrupt->attempt_timer);
  close_timer(&interrupt->limit_timer);
  lac_traces_free(interrupt->traces);
  free(interrupt);
}

/* install(fn): fn(reason) makes the error that an interrupted piece of code raises. */
static int l_install(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushlightuserdata(L, (void *)&raise_key);
  lua_pushvalue(L, 1);
  lua_rawset(L, LUA_REGISTRYINDEX);
  return 0;
}

int luaopen_lacuna_native_interrupt(lua_State *L) {
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, l_install);
  lua_setfield(L, -2, "install");
  return 1;
}
