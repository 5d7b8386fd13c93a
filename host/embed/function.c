/* function: C functions of the program, as scripts call them: registered in modules and classes, their arguments
 * checked against what they declare.
 *
 * A call runs in the caller's coroutine, on its Lua stack, and raises only before the program's function has been
 * entered or after it has returned. */
#include <lauxlib.h>
#include <limits.h>
#include <stdlib.h>

#include "embed/embedding.h"

enum {
  FEW_ARGUMENTS = 8,  /* no more are kept on the C stack */
  ANY_TYPE = -1,      /* of a parameter */
  INTEGER_TYPE = 100, /* a number without a fraction, or an int64 */
};

typedef struct parameter {
  int type;               /* a lacuna_type, or one of the above */
  const char *class_name; /* of an object: into the binding's text */
  size_t class_name_size;
  bool is_optional;
} parameter;

/* What a C closure knows of the program's function: its first upvalue, a userdata. */
typedef struct binding {
  lac_embedding *embedding;
  const lacuna_function *function;
  const lacuna_class *object_class; /* of a method; else NULL */
  void *data;
  const char *name; /* "module.function", "Class:method": its second upvalue */
  int number_count; /* the leading arguments that may be numbers: those need no further look if they are */
  int parameter_count;
  parameter parameters[];
} binding;

const char lac_box_mark;

lac_box *lac_to_box(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA || lua_objlen(L, index) != sizeof(lac_box)) return NULL;
  lac_box *box = lua_touserdata(L, index);
  return box->mark == &lac_box_mark ? box : NULL;
}

/* ---- checking arguments ---- */

static const char *const type_names[] = {"nil",   "boolean",  "number", "integer", "string",
                                         "table", "function", "object", "value"};

static bool is_class_named(const lac_box *box, const parameter *parameter) {
  const char *name = box->object_class->name;
  return strncmp(name, parameter->class_name, parameter->class_name_size) == 0 && !name[parameter->class_name_size];
}

/* Whether the argument is what the parameter takes; makes an integer one. */
static bool accepts(lua_State *L, int index, const parameter *parameter, lacuna_value *argument) {
  if (parameter->type == ANY_TYPE || parameter->type == (int)argument->type) {
    return parameter->type != LACUNA_OBJECT || is_class_named(lac_to_box(L, index), parameter);
  }
  if (parameter->is_optional && argument->type == LACUNA_NIL) return true;
  if (parameter->type != INTEGER_TYPE) return false;
  if (argument->type == LACUNA_INTEGER) return true;
  if (argument->type != LACUNA_NUMBER || !(argument->number >= -9223372036854775808.0) ||
      !(argument->number < 9223372036854775808.0))
    return false;
  int64_t integer = (int64_t)argument->number;
  if ((double)integer != argument->number) return false;
  *argument = lacuna_integer(integer);
  return true;
}

/* Raises a TypeError. `index` is the argument's, the object not counted; 0 is the object. */
static int raise_argument(lua_State *L, const binding *binding, int index, const parameter *parameter,
                          int stack_index) {
  const char *got = luaL_typename(L, stack_index);
  const lac_box *box = lac_to_box(L, stack_index);
  if (box) got = box->object_class->name;
  if (lua_type(L, stack_index) == LUA_TNUMBER && parameter->type == INTEGER_TYPE) got = lua_tostring(L, stack_index);
  lac_push_half(binding->embedding, L, LAC_HALF_RAISE);
  lua_pushliteral(L, "TypeError");
  if (parameter->type == LACUNA_OBJECT)
    lua_pushlstring(L, parameter->class_name, parameter->class_name_size);
  else
    lua_pushstring(L, parameter->type == INTEGER_TYPE ? "integer" : type_names[parameter->type]);
  if (index == 0)
    lua_pushfstring(L, "calling '%s' on a bad object (%s expected, got %s)", binding->name, lua_tostring(L, -1), got);
  else
    lua_pushfstring(L, "bad argument #%d to '%s' (%s expected, got %s)", index, binding->name, lua_tostring(L, -1),
                    got);
  lua_remove(L, -2);
  lua_call(L, 2, 0);
  return 0;
}

/* The arguments of a call; large ones are in a userdata on the stack. */
typedef struct arguments {
  lacuna_value few[FEW_ARGUMENTS], *values;
  int count;
  int mark; /* what had been borrowed before them */
} arguments;

/* Both kinds of functions take their arguments and call the program in the same way. A call costs two bare C functions;
 * a tenth of that would be the calls of these two, which the compiler does not leave out by itself. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Reads the arguments; raises for one that is not what is declared. What is left out becomes nil. */
ALWAYS_INLINE void read_arguments(lua_State *L, const binding *binding, arguments *arguments) {
  int is_method = binding->object_class != NULL;
  int declared = binding->parameter_count + is_method;
  int count = lua_gettop(L);
  if (count < declared) {
    luaL_checkstack(L, declared - count + LUA_MINSTACK, "arguments of a C function"); /* so many are free as it is */
    lua_settop(L, count = declared);
  }
  arguments->count = count;
  arguments->mark = binding->embedding->borrowed_count;
  arguments->values = arguments->few;
  if (count > FEW_ARGUMENTS) arguments->values = lua_newuserdata(L, (size_t)count * sizeof(lacuna_value));
  if (is_method) {
    const lac_box *box = lac_to_box(L, 1);
    const char *name = binding->object_class->name;
    if (!box || box->object_class != binding->object_class)
      raise_argument(L, binding, 0, &(parameter){LACUNA_OBJECT, name, strlen(name), false}, 1);
  }
  for (int i = 0; i < count; i++) {
    lacuna_value *value = &arguments->values[i];
    if (i < binding->number_count && lua_type(L, i + 1) == LUA_TNUMBER) { /* by far the most frequent */
      value->type = LACUNA_NUMBER;
      value->handle = 0;
      value->number = lua_tonumber(L, i + 1);
      value->size = 0;
      continue;
    }
    *value = lac_read_value(binding->embedding, L, i + 1, true);
    int number = i - is_method; /* of the parameter, from 0 */
    if (number < 0 || number >= binding->parameter_count) continue;
    if (accepts(L, i + 1, &binding->parameters[number], value)) continue;
    lac_return_borrowed(binding->embedding, L, arguments->mark);
    raise_argument(L, binding, number + 1, &binding->parameters[number], i + 1);
  }
}

/* ---- calling ---- */

/* Calls the program. */
ALWAYS_INLINE lacuna_status call_function(lua_State *L, const binding *binding, arguments *arguments,
                                          lacuna_call_t *call) {
  lac_embedding *embedding = binding->embedding;
  /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): a method's first argument has been read */
  call->data = binding->object_class ? lac_to_box(L, 1)->pointer : binding->data;
  lua_State *was_running = embedding->L;
  embedding->L = L;
  embedding->call_depth++;
  lacuna_status status = binding->function->callback(call, arguments->values, arguments->count);
  embedding->call_depth--;
  if (embedding->borrowed_count != arguments->mark) lac_return_borrowed(embedding, L, arguments->mark);
  embedding->L = was_running;
  return status;
}

static const binding *check_binding(lua_State *L) {
  const binding *binding = lua_touserdata(L, lua_upvalueindex(1));
  if (binding->embedding->is_closed) luaL_error(L, "%s: the runtime is closing", binding->name);
  return binding;
}

/* Has class and message on top of the stack, unless the program left them out. */
static void push_failure(lua_State *L, const binding *binding, const lacuna_call_t *call, lacuna_status status) {
  if (call->is_pushed) return;
  lua_pushliteral(L, "RuntimeError");
  if (status == LACUNA_PENDING)
    lua_pushfstring(L, "%s returned LACUNA_PENDING and is not asynchronous", binding->name);
  else
    lua_pushfstring(L, "%s failed", binding->name);
}

/* A synchronous function: raises its error, returns its values. */
static int l_call(lua_State *L) {
  const binding *binding = check_binding(L);
  arguments arguments;
  read_arguments(L, binding, &arguments);
  lacuna_call_t call;
  call.runtime = binding->embedding->runtime;
  call.embedding = binding->embedding;
  call.inbox = NULL;
  call.state = LAC_CALL_RUNNING;
  call.status = LACUNA_OK;
  call.is_pushed = false;
  call.pushed_count = 0;
  lacuna_status status = call_function(L, binding, &arguments, &call);
  if (call.is_pushed ? call.status == LACUNA_OK : status == LACUNA_OK) return call.pushed_count;
  push_failure(L, binding, &call, status);
  lac_push_half(binding->embedding, L, LAC_HALF_RAISE);
  lua_insert(L, -3);
  lua_call(L, 2, 0);
  return 0;
}

/* start(...) of an asynchronous function: the slot of the call if it is pending; else false and its values; or nil and
 * its error's class and message. */
static int l_start(lua_State *L) {
  const binding *binding = check_binding(L);
  lac_embedding *embedding = binding->embedding;
  arguments arguments;
  read_arguments(L, binding, &arguments);
  lacuna_call_t *call = lac_take_call(embedding);
  if (!call) return luaL_error(L, "not enough memory");
  call->name = binding->name;
  lacuna_status status = call_function(L, binding, &arguments, call);
  bool is_pending = !call->is_pushed && (status == LACUNA_PENDING || call->state == LAC_CALL_COMPLETED);
  if (is_pending) {
    lac_make_pending(call);
    lua_pushinteger(L, call->slot);
    return 1;
  }
  bool is_ok = call->is_pushed ? call->status == LACUNA_OK : status == LACUNA_OK;
  if (!is_ok) push_failure(L, binding, call, status);
  int count = is_ok ? call->pushed_count : 2;
  lac_return_call(embedding, call);
  if (is_ok)
    lua_pushboolean(L, 0);
  else
    lua_pushnil(L);
  lua_insert(L, -count - 1);
  return count + 1;
}

/* ---- registering ---- */

/* The next word of a list of parameters; NULL at the end. */
static const char *next_word(const char **text, size_t *size) {
  *text += strspn(*text, " ,");
  const char *word = *text;
  *size = strcspn(word, " ,");
  *text += *size;
  return *size > 0 ? word : NULL;
}

static parameter parse_parameter(const char *word, size_t size) {
  parameter parameter = {.type = LACUNA_OBJECT, .class_name = word};
  if (word[size - 1] == '?') {
    parameter.is_optional = true;
    size--;
  }
  parameter.class_name_size = size;
  if (size == 3 && strncmp(word, "any", size) == 0) parameter.type = ANY_TYPE;
  for (int type = LACUNA_BOOLEAN; type <= LACUNA_FUNCTION; type++)
    if (strlen(type_names[type]) == size && strncmp(word, type_names[type], size) == 0) parameter.type = type;
  if (parameter.type == LACUNA_INTEGER) parameter.type = INTEGER_TYPE;
  return parameter;
}

/* Pushes what stands for the function in Lua. */
static void push_function(lua_State *L, lac_embedding *embedding, const char *owner, const lacuna_class *object_class,
                          const lacuna_function *function, void *data) {
  int count = 0;
  size_t size = 0;
  const char *text = function->parameters ? function->parameters : "";
  while (next_word(&text, &size)) count++;
  binding *binding = lua_newuserdata(L, sizeof *binding + (size_t)count * sizeof(parameter));
  *binding = (struct binding){
      .embedding = embedding,
      .function = function,
      .object_class = object_class,
      .data = data,
  };
  text = function->parameters ? function->parameters : "";
  for (const char *word; (word = next_word(&text, &size)) != NULL;) {
    if (size == 3 && strncmp(word, "...", size) == 0) break;
    binding->parameters[binding->parameter_count++] = parse_parameter(word, size);
  }
  while (!object_class && binding->number_count < binding->parameter_count &&
         binding->parameters[binding->number_count].type == LACUNA_NUMBER)
    binding->number_count++;
  if (!object_class && binding->number_count == binding->parameter_count) binding->number_count = INT_MAX;
  binding->name = lua_pushfstring(L, "%s%s%s", owner, object_class ? ":" : ".", function->name);
  if (!function->is_async) {
    lua_pushcclosure(L, l_call, 2);
    return;
  }
  lua_pushvalue(L, -1);
  lua_insert(L, -3); /* the name, below what the closure takes */
  lua_pushcclosure(L, l_start, 2);
  lac_push_half(embedding, L, LAC_HALF_ASYNC_FUNCTION);
  lua_insert(L, -3);
  lua_insert(L, -2);
  lua_call(L, 2, 1);
}

static void push_functions(lua_State *L, lac_embedding *embedding, const char *owner, const lacuna_class *object_class,
                           const lacuna_function *functions, void *data) {
  lua_newtable(L);
  for (const lacuna_function *function = functions; function && function->name; function++) {
    push_function(L, embedding, owner, object_class, function, data);
    lua_setfield(L, -2, function->name);
  }
}

typedef struct registration {
  lac_embedding *embedding;
  const char *name;
  const lacuna_function *functions;
  void *data;
} registration;

static int run_register(lua_State *L, void *data) {
  const registration *registration = data;
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  push_functions(L, registration->embedding, registration->name, NULL, registration->functions, registration->data);
  lua_setfield(L, 1, registration->name);
  return 0;
}

bool lacuna_module(lacuna_t *runtime, const char *name, const lacuna_function *functions, void *data) {
  registration registration = {lac_embedding_of(runtime), name, functions, data};
  return registration.embedding && lac_protect(registration.embedding, run_register, &registration);
}

/* ---- objects ---- */

static int l_finalise(lua_State *L) {
  lac_box *box = lac_to_box(L, 1);
  if (!box || !box->object_class) return 0;
  const lacuna_class *object_class = box->object_class;
  box->mark = NULL; /* nothing takes it for an object any more */
  if (object_class->finalise) object_class->finalise(box->pointer);
  return 0;
}

typedef struct construction {
  lac_embedding *embedding;
  const lacuna_class *object_class;
  void *pointer;
  bool is_owned; /* by the box: its finalizer ends it */
  lacuna_value value;
} construction;

/* Pushes the metatable of a class's objects, made at the first of them. */
static void push_metatable(lua_State *L, const construction *construction) {
  lua_pushlightuserdata(L, (void *)construction->object_class);
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_istable(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  push_functions(L, construction->embedding, construction->object_class->name, construction->object_class,
                 construction->object_class->methods, NULL);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_finalise);
  lua_setfield(L, -2, "__gc");
  lua_pushstring(L, construction->object_class->name);
  lua_setfield(L, -2, "__metatable"); /* scripts get the name and cannot reach the finalizer */
  lua_pushlightuserdata(L, (void *)construction->object_class);
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

static int run_construct(lua_State *L, void *data) {
  construction *construction = data;
  push_metatable(L, construction);
  lac_box *box = lua_newuserdata(L, sizeof *box);
  *box = (lac_box){&lac_box_mark, construction->object_class, construction->pointer};
  lua_insert(L, 1);
  lua_setmetatable(L, 1);
  construction->is_owned = true;
  construction->value = lac_read_value(construction->embedding, L, 1, false);
  return 0;
}

lacuna_value lacuna_object(lacuna_t *runtime, const lacuna_class *object_class, void *pointer) {
  construction construction = {.embedding = lac_borrower_of(runtime), .object_class = object_class, .pointer = pointer};
  if (construction.embedding && lac_protect(construction.embedding, run_construct, &construction))
    return construction.value;
  if (!construction.is_owned && object_class->finalise) object_class->finalise(pointer);
  return lacuna_nil();
}
