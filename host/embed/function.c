/* function: C functions of the program, as scripts call them: registered in modules and classes, their arguments
 * checked against what they declare.
 *
 * A call runs in the caller's coroutine, on its Lua stack, and raises only before the program's function has been
 * entered or after it has returned. */
#include <lauxlib.h>
#include <stdlib.h>

#include "embed/embedding.h"

enum {
  FEW_ARGUMENTS = 8,  /* no more are kept on the C stack */
  ANY_TYPE = -1,      /* of a parameter */
  INTEGER_TYPE = 100, /* a number without a fraction, or an int64 */
  CLASS_TYPE = 101,   /* an object of the class that is named */
  SELF_TYPE = 102,    /* the object that a method is called on: the first of its parameters */
};

typedef struct parameter {
  int type;         /* a lacuna_type, or one of the above */
  const char *name; /* of the type: into the text of the parameters, or the class's own */
  size_t name_size;
  bool is_optional;
} parameter;

/* What a C closure knows of the program's function: its first upvalue, a userdata. */
typedef struct binding {
  lac_embedding *embedding;
  const lacuna_function *function;
  const lacuna_class *object_class; /* of a method; else NULL */
  void *data;
  const char *name; /* "module.function", "Class:method": its second upvalue */
  int number_count; /* of the parameters, the first ones that are numbers: those are by far the most frequent */
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
  return strncmp(name, parameter->name, parameter->name_size) == 0 && !name[parameter->name_size];
}

/* Makes an integer of a number; false if it is none. */
static bool make_integer(lacuna_value *argument) {
  if (!(argument->number >= -9223372036854775808.0) || !(argument->number < 9223372036854775808.0)) return false;
  int64_t integer = (int64_t)argument->number;
  if ((double)integer != argument->number) return false;
  *argument = lacuna_integer(integer);
  return true;
}

/* Whether a parameter takes an argument that is not just of its type. Numbers and their text stand for each other, as
 * they do for Lua's own functions. */
static bool accepts(lua_State *L, int index, const binding *binding, const parameter *parameter,
                    lacuna_value *argument) {
  if (parameter->type == ANY_TYPE) return true;
  if (parameter->is_optional && argument->type == LACUNA_NIL) return true;
  if (parameter->type == CLASS_TYPE || parameter->type == SELF_TYPE) {
    if (argument->type != LACUNA_OBJECT) return false;
    const lac_box *box = lac_to_box(L, index);
    return parameter->type == SELF_TYPE ? box->object_class == binding->object_class : is_class_named(box, parameter);
  }
  if (parameter->type == LACUNA_STRING && argument->type == LACUNA_NUMBER) {
    size_t size = 0;
    const char *bytes = lua_tolstring(L, index, &size);
    *argument = lacuna_bytes(bytes, size);
    return true;
  }
  if (parameter->type != LACUNA_NUMBER && parameter->type != INTEGER_TYPE) return false;
  if (argument->type == LACUNA_STRING && lua_isnumber(L, index)) *argument = lacuna_number(lua_tonumber(L, index));
  if (parameter->type == LACUNA_NUMBER) return argument->type == LACUNA_NUMBER;
  return argument->type == LACUNA_INTEGER || (argument->type == LACUNA_NUMBER && make_integer(argument));
}

/* Raises a TypeError. */
static int raise_argument(lua_State *L, const binding *binding, int index, const parameter *parameter) {
  const char *got = luaL_typename(L, index);
  const lac_box *box = lac_to_box(L, index);
  if (box) got = box->object_class->name;
  if (lua_type(L, index) == LUA_TNUMBER && parameter->type == INTEGER_TYPE) got = lua_tostring(L, index);
  lac_push_half(binding->embedding, L, LAC_HALF_RAISE);
  lua_pushliteral(L, "TypeError");
  lua_pushlstring(L, parameter->name, parameter->name_size);
  const char *expected = lua_tostring(L, -1);
  if (parameter->type == SELF_TYPE)
    lua_pushfstring(L, "calling '%s' on a bad object (%s expected, got %s)", binding->name, expected, got);
  else
    lua_pushfstring(L, "bad argument #%d to '%s' (%s expected, got %s)", index - (binding->object_class != NULL),
                    binding->name, expected, got);
  lua_remove(L, -2);
  lua_call(L, 2, 0);
  return 0;
}

/* Reads an argument of any type. */
static __attribute__((noinline)) void read_argument(lua_State *L, const binding *binding, int index, int mark,
                                                    lacuna_value *value) {
  *value = lac_read_value(binding->embedding, L, index, true);
  if (index > binding->parameter_count) return;
  const parameter *parameter = &binding->parameters[index - 1];
  if (parameter->type == (int)value->type || accepts(L, index, binding, parameter, value)) return;
  lac_return_borrowed(binding->embedding, L, mark);
  raise_argument(L, binding, index, parameter);
}

/* For what both kinds of functions begin with: called in place of compiled in, it makes a call a tenth longer. */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Reads the arguments, into `few` unless they are more, which a userdata on the stack holds; raises for one that is not
 * what is declared. What is left out becomes nil. */
ALWAYS_INLINE const lacuna_value *read_arguments(lua_State *L, const binding *binding, lacuna_value *few, int *count,
                                                 int mark) {
  int declared = binding->parameter_count;
  int given = lua_gettop(L);
  if (given < declared) {
    luaL_checkstack(L, declared - given + LUA_MINSTACK, "arguments of a C function"); /* so many are free as it is */
    lua_settop(L, given = declared);
  }
  lacuna_value *values = given <= FEW_ARGUMENTS ? few : lua_newuserdata(L, (size_t)given * sizeof *values);
  int i = 0;
  for (; i < binding->number_count; i++) {
    double number = lua_tonumber(L, i + 1);
    if (number == 0 && lua_type(L, i + 1) != LUA_TNUMBER) break; /* 0 also stands for anything else */
    values[i] = lacuna_number(number);
  }
  for (; i < given; i++) read_argument(L, binding, i + 1, mark, &values[i]);
  *count = given;
  return values;
}

/* ---- calling ---- */

/* Calls the program. */
ALWAYS_INLINE lacuna_status call_function(lua_State *L, const binding *binding, const lacuna_value *arguments,
                                          int count, int mark, lacuna_call_t *call) {
  lac_embedding *embedding = binding->embedding;
  /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): a method's first argument has been read */
  call->data = binding->object_class ? arguments[0].pointer : binding->data;
  lua_State *was_running = embedding->L;
  embedding->L = L;
  embedding->call_depth++;
  lacuna_status status = binding->function->callback(call, arguments, count);
  embedding->call_depth--;
  embedding->L = was_running;
  if (embedding->borrowed_count != mark) lac_return_borrowed(embedding, L, mark);
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
  lac_embedding *embedding = binding->embedding;
  int mark = embedding->borrowed_count, count = 0;
  lacuna_value few[FEW_ARGUMENTS];
  const lacuna_value *arguments = read_arguments(L, binding, few, &count, mark);
  lacuna_call_t call;
  call.runtime = embedding->runtime;
  call.embedding = embedding;
  call.inbox = NULL;
  call.is_pushed = false;
  lacuna_status status = call_function(L, binding, arguments, count, mark, &call);
  if (call.is_pushed) status = call.status;
  if (status == LACUNA_OK) return call.is_pushed ? call.pushed_count : 0;
  push_failure(L, binding, &call, status);
  lac_push_half(embedding, L, LAC_HALF_RAISE);
  lua_insert(L, -3);
  lua_call(L, 2, 0);
  return 0;
}

/* Pushes { n = count, … } of the values on top of the stack. */
static void push_packed(lua_State *L, int count) {
  int first = lua_gettop(L) - count + 1;
  lua_createtable(L, count, 1);
  for (int i = 0; i < count; i++) {
    lua_pushvalue(L, first + i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushinteger(L, count);
  lua_setfield(L, -2, "n");
}

/* start(...) of an asynchronous function: the slot of the call if it is pending; else false and its packed results; or
 * nil and its error's class and message. */
static int l_start(lua_State *L) {
  const binding *binding = check_binding(L);
  lac_embedding *embedding = binding->embedding;
  int mark = embedding->borrowed_count, count = 0;
  lacuna_value few[FEW_ARGUMENTS];
  const lacuna_value *arguments = read_arguments(L, binding, few, &count, mark);
  lacuna_call_t *call = lac_take_call(embedding);
  if (!call) return luaL_error(L, "not enough memory");
  call->name = binding->name;
  lacuna_status status = call_function(L, binding, arguments, count, mark, call);
  if (!call->is_pushed && (status == LACUNA_PENDING || call->state == LAC_CALL_COMPLETED)) {
    lac_make_pending(call);
    lua_pushinteger(L, call->slot);
    return 1;
  }
  if (call->is_pushed) status = call->status;
  if (status == LACUNA_OK) {
    count = call->is_pushed ? call->pushed_count : 0;
    lac_return_call(embedding, call);
    push_packed(L, count);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
  }
  lac_return_call(embedding, call); /* first: what follows may raise, for memory */
  push_failure(L, binding, call, status);
  lua_pushnil(L);
  lua_insert(L, -3);
  return 3;
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
  parameter parameter = {.type = CLASS_TYPE, .name = word};
  if (word[size - 1] == '?') {
    parameter.is_optional = true;
    size--;
  }
  parameter.name_size = size;
  if (size == 3 && strncmp(word, "any", size) == 0) parameter.type = ANY_TYPE;
  for (int type = LACUNA_BOOLEAN; type <= LACUNA_FUNCTION; type++)
    if (strlen(type_names[type]) == size && strncmp(word, type_names[type], size) == 0) parameter.type = type;
  if (parameter.type == LACUNA_INTEGER) parameter.type = INTEGER_TYPE;
  return parameter;
}

/* Pushes what stands for the function in Lua. */
static void push_function(lua_State *L, lac_embedding *embedding, const char *owner, const lacuna_class *object_class,
                          const lacuna_function *function, void *data) {
  int count = object_class != NULL;
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
  if (object_class)
    binding->parameters[binding->parameter_count++] =
        (parameter){SELF_TYPE, object_class->name, strlen(object_class->name), false};
  text = function->parameters ? function->parameters : "";
  for (const char *word; (word = next_word(&text, &size)) != NULL;) {
    if (size == 3 && strncmp(word, "...", size) == 0) break;
    binding->parameters[binding->parameter_count++] = parse_parameter(word, size);
  }
  while (binding->number_count < binding->parameter_count &&
         binding->parameters[binding->number_count].type == LACUNA_NUMBER)
    binding->number_count++;
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
