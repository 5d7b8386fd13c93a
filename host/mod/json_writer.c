/* json_writer: one pass, recursive, bounded in depth, into one buffer that is kept from call to call.
 *
 * What a table is, array or object, is found out by counting its keys. The keys of an object are sorted in `entries`, a
 * stack of which each object has its part; the table `scratch` holds key and value of each entry, so that no finalizer
 * that runs meanwhile takes them away, and so that no value is looked up again. All memory is a userdata's: any call of
 * Lua's may raise. */
#include "mod/json_writer.h"

#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define METATABLE "lacuna.native.json.memory"

enum { VALUE = 1, INDENT, ARRAY, INTEGER_TEXT, SCRATCH, LETTER_N, PATH }; /* the stack of encode */

enum {
  KEEP_BYTES = 256 * 1024, /* a larger buffer is freed after the call */
  NUMBER_BYTES = 32,       /* what the text of a number needs */
  INSERTION_MOST = 24,     /* entries up to which qsort is slower */
  CDATA = 10,              /* lua_type of cdata, which lua.h does not name */
};

static const double EXACT = 9007199254740992.0; /* 2^53: integers below are written as such */

/* What the buffers of a call belong to. */
typedef struct memory {
  lac_bytes out, entries, names;
  bool is_used; /* by a call; for ever if that raised */
} memory;

typedef struct entry {
  const char *text; /* NULL: in `names`, the key is no string */
  size_t offset;    /* there */
  size_t size;
  int place; /* of the key in `scratch`; its value is behind it */
} entry;

typedef struct writer {
  lua_State *L;
  memory *memory;
  const char *indent; /* NULL: none */
  size_t indent_size;
  const void *array;
  const char *reason; /* set once something is wrong */
  bool is_type_error, is_out_of_memory;
  int depth, path_length;
} writer;

/* The tables around a value. */
typedef struct frame {
  const void *table;
  const struct frame *outer;
} frame;

static bool refuse(writer *w, bool is_type_error, const char *reason) {
  w->is_type_error = is_type_error;
  w->reason = reason;
  lua_newtable(w->L);
  lua_replace(w->L, PATH);
  return false;
}

static bool refuse_memory(writer *w) {
  w->is_out_of_memory = true;
  return false;
}

/* Adds the key on top of the stack to the path of what was refused within. */
static bool refused_at_key(writer *w) {
  if (!w->is_out_of_memory) lua_rawseti(w->L, PATH, ++w->path_length);
  return false;
}

/* ---- text ---- */

static bool put(writer *w, const char *text, size_t size) {
  return lac_bytes_append(&w->memory->out, text, size) || refuse_memory(w);
}

static bool put_char(writer *w, char c) {
  lac_bytes *out = &w->memory->out;
  if (out->size == out->capacity && !lac_bytes_reserve(out, 1)) return refuse_memory(w);
  out->data[out->size++] = c;
  return true;
}

/* The character after the backslash; 'u' for those without a letter of their own, '\0' for those written as they are.
 */
static char escape_of(unsigned char c) {
  static const char control[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";
  if (c < 0x20) return control[c];
  return (char)(c == '"' || c == '\\' ? c : 0);
}

static bool put_escaped(writer *w, unsigned char c) {
  static const char digits[] = "0123456789abcdef";
  char escape = escape_of(c);
  char text[] = {'\\', escape, '0', '0', digits[c >> 4], digits[c & 15]};
  return put(w, text, escape == 'u' ? sizeof text : 2);
}

static bool put_string(writer *w, const char *text, size_t size) {
  if (!put_char(w, '"')) return false;
  const char *end = text + size, *plain = text;
  for (; text < end; text++) {
    if (escape_of((unsigned char)*text) == '\0') continue;
    if (!put(w, plain, (size_t)(text - plain)) || !put_escaped(w, (unsigned char)*text)) return false;
    plain = text + 1;
  }
  return put(w, plain, (size_t)(end - plain)) && put_char(w, '"');
}

static bool put_new_line(writer *w, int depth) {
  if (!w->indent) return true;
  if (!put_char(w, '\n')) return false;
  for (int i = 0; i < depth; i++)
    if (!put(w, w->indent, w->indent_size)) return false;
  return true;
}

/* ---- numbers ---- */

static size_t write_digits(char *text, uint64_t value) {
  char reversed[20];
  size_t size = 0;
  do reversed[size++] = (char)('0' + value % 10);
  while (value /= 10);
  for (size_t i = 0; i < size; i++) text[i] = reversed[size - 1 - i];
  return size;
}

/* digits / 10^scale as text, scale > 0. */
static size_t write_decimal(char *text, uint64_t digits, int scale) {
  size_t count = write_digits(text, digits), zeros = 0;
  if ((size_t)scale >= count) {
    zeros = (size_t)scale - count + 1;
    memmove(text + zeros, text, count);
    memset(text, '0', zeros);
    count += zeros;
  }
  size_t point = count - (size_t)scale;
  memmove(text + point + 1, text + point, (size_t)scale);
  text[point] = '.';
  return count + 1;
}

/* A number of 0.0001 … 10^15 that 15 digits give back, as most do that people write: then there is an integer of as
 * many digits which divided by a power of ten is the number, and both are exact. 0 if it needs more. */
static size_t write_short(char *text, double value) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                  1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  if (value < 1e-4 || value >= 1e15) return 0;
  int scale = 14;
  while (value >= powers[15 - scale]) scale--;
  for (double above = value; above < 1 && scale < 18; scale++) above *= 10;
  int64_t nearest = (int64_t)(value * powers[scale] + 0.5), digits = nearest - 1;
  while (digits <= nearest + 1 && (double)digits / powers[scale] != value) digits++;
  if (digits > nearest + 1) return 0;
  for (; digits % 10 == 0; digits /= 10) scale--;
  return write_decimal(text, (uint64_t)digits, scale);
}

/* In 15 to 17 digits, as few as give the number back. The C library's locale may have its own decimal point. */
static size_t write_float(char *text, double value) {
  int size = 0;
  for (int precision = 15; precision <= 17; precision++) {
    size = snprintf(text, NUMBER_BYTES - 1, "%.*g", precision, value);
    if (strtod(text, NULL) == value) break;
  }
  size_t kept = 0;
  for (int i = 0; i < size; i++) {
    bool is_point = !strchr("0123456789+-e", text[i]);
    if (!is_point)
      text[kept++] = text[i];
    else if (text[kept - 1] != '.') /* it may be several bytes */
      text[kept++] = '.';
  }
  return kept;
}

/* Writes a number; 0 if JSON has none for it. */
static size_t write_number(char *text, double value) {
  if (!isfinite(value)) return 0;
  size_t sign = 0;
  if (value < 0) {
    text[sign++] = '-';
    value = -value;
  }
  if (value < EXACT && value == floor(value)) return sign + write_digits(text + sign, (uint64_t)value);
  size_t size = write_short(text + sign, value);
  return sign + (size ? size : write_float(text + sign, value));
}

static bool refuse_number(writer *w, double value) {
  return refuse(w, false, isnan(value) ? "JSON has no nan" : "JSON has no infinity");
}

static bool put_number(writer *w, double value) {
  lac_bytes *out = &w->memory->out;
  if (!lac_bytes_reserve(out, NUMBER_BYTES)) return refuse_memory(w);
  size_t size = write_number(out->data + out->size, value);
  out->size += size;
  return size > 0 || refuse_number(w, value);
}

/* ---- the keys of objects ---- */

static entry *entry_at(const writer *w, size_t index) {
  return (entry *)(void *)w->memory->entries.data + index;
}

static size_t entry_count(const writer *w) {
  return w->memory->entries.size / sizeof(entry);
}

static int compare(const void *left, const void *right) {
  const entry *a = left, *b = right;
  int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
  if (order != 0) return order;
  if (a->size != b->size) return a->size < b->size ? -1 : 1;
  return a->offset < b->offset ? -1 : 1; /* a number or boolean before the same as text */
}

static void sort_entries(writer *w, size_t first, size_t count) {
  entry *entries = entry_at(w, first);
  bool has_names = false;
  for (size_t i = 0; i < count; i++) {
    if (entries[i].text) continue;
    has_names = true;
    entries[i].text = w->memory->names.data + entries[i].offset;
  }
  if (count > INSERTION_MOST) {
    qsort(entries, count, sizeof *entries, compare);
  } else {
    for (size_t i = 1; i < count; i++) {
      entry moved = entries[i];
      size_t place = i;
      for (; place > 0 && compare(&moved, &entries[place - 1]) < 0; place--) entries[place] = entries[place - 1];
      entries[place] = moved;
    }
  }
  for (size_t i = 0; has_names && i < count; i++) /* objects within may move the names */
    if (entries[i].offset != SIZE_MAX) entries[i].text = NULL;
}

/* The text of a key that is no string, into `names`. */
static bool name_key(writer *w, int index, entry *e) {
  lac_bytes *names = &w->memory->names;
  e->offset = names->size;
  if (!lac_bytes_reserve(names, NUMBER_BYTES)) return refuse_memory(w);
  char *text = names->data + names->size;
  if (lua_type(w->L, index) == LUA_TNUMBER) {
    double value = lua_tonumber(w->L, index);
    e->size = write_number(text, value);
    if (e->size == 0) return refuse_number(w, value);
  } else {
    e->size = (size_t)snprintf(text, NUMBER_BYTES, "%s", lua_toboolean(w->L, index) ? "true" : "false");
  }
  names->size += e->size;
  return true;
}

/* Adds the pair on top of the stack, and pops its value. */
static bool add_entry(writer *w) {
  lua_State *L = w->L;
  entry e = {.offset = SIZE_MAX, .place = (int)entry_count(w) * 2 + 1};
  int type = lua_type(L, -2);
  if (type == LUA_TSTRING) {
    e.text = lua_tolstring(L, -2, &e.size);
  } else if (type != LUA_TNUMBER && type != LUA_TBOOLEAN) {
    return refuse(w, true, lua_pushfstring(L, "a %s cannot be the key of an object", lua_typename(L, type)));
  } else if (!name_key(w, -2, &e)) {
    return false;
  }
  lua_rawseti(L, SCRATCH, e.place + 1);
  lua_pushvalue(L, -1);
  lua_rawseti(L, SCRATCH, e.place);
  return lac_bytes_append(&w->memory->entries, &e, sizeof e) || refuse_memory(w);
}

/* ---- values: recursive, LAC_JSON_DEPTH_MAX levels at most; a value is on top of the stack and stays there ---- */

/* NOLINTBEGIN(misc-no-recursion) */
static bool put_value(writer *w, const frame *outer);

static bool put_item(writer *w, const frame *around, bool is_first) {
  return (is_first || put_char(w, ',')) && put_new_line(w, w->depth) && put_value(w, around);
}

static bool put_array(writer *w, const frame *around, lua_Number count) {
  lua_State *L = w->L;
  if (!put_char(w, '[')) return false;
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    if (!put_item(w, around, i == 1)) {
      lua_pushinteger(L, i);
      return refused_at_key(w);
    }
    lua_pop(L, 1);
  }
  return (count < 1 || put_new_line(w, w->depth - 1)) && put_char(w, ']');
}

static bool put_entry(writer *w, const frame *around, size_t index, bool is_first) {
  lua_State *L = w->L;
  const entry *e = entry_at(w, index);
  if ((!is_first && !put_char(w, ',')) || !put_new_line(w, w->depth)) return false;
  if (!put_string(w, e->text ? e->text : w->memory->names.data + e->offset, e->size)) return false;
  if (!put(w, ": ", w->indent ? 2 : 1)) return false;
  lua_rawgeti(L, SCRATCH, e->place + 1);
  if (!put_value(w, around)) {
    lua_rawgeti(L, SCRATCH, entry_at(w, index)->place);
    return refused_at_key(w);
  }
  lua_pop(L, 1);
  return true;
}

static bool put_object(writer *w, const frame *around) {
  lua_State *L = w->L;
  size_t first = entry_count(w), names_size = w->memory->names.size;
  lua_pushnil(L);
  while (lua_next(L, -2))
    if (!add_entry(w)) return false;
  size_t count = entry_count(w) - first;
  if (count > 1) sort_entries(w, first, count);
  if (!put_char(w, '{')) return false;
  for (size_t i = 0; i < count; i++)
    if (!put_entry(w, around, first + i, i == 0)) return false;
  w->memory->entries.size = first * sizeof(entry);
  w->memory->names.size = names_size;
  return (count == 0 || put_new_line(w, w->depth - 1)) && put_char(w, '}');
}

/* How many items a table has as an array; -1 if it is an object, -2 if it is refused. */
static lua_Number array_length(writer *w) {
  lua_State *L = w->L;
  lua_pushvalue(L, LETTER_N);
  lua_rawget(L, -2);
  bool has_n = lua_type(L, -1) == LUA_TNUMBER;
  lua_Number n = lua_tonumber(L, -1), items = 0, names = 0, length = (lua_Number)lua_objlen(L, -2);
  lua_pop(L, 1);
  if (lua_getmetatable(L, -1)) {
    bool is_array = lua_topointer(L, -1) == w->array;
    lua_pop(L, 1);
    if (is_array) return has_n ? fmin(n, INT_MAX - 1) : length; /* no memory holds so many */
  }
  lua_rawgeti(L, -1, 1);
  bool has_first = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (!has_first && !has_n) return -1;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    lua_Number key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (key >= 1 && key == floor(key))
      items++;
    else
      names++;
  }
  if (items > 0 && has_n && names == 1 && n >= items)
    return fmin(n, INT_MAX - 1); /* a list of results, nils among them */
  if (!has_first) return -1;
  if (names == 0 && items == length) return items;
  refuse(w, true,
         names > 0 ? "a table with both items and named fields is neither array nor object"
                   : "a list with holes; json.null stands for null, and json.array(t) takes holes as such");
  return -2;
}

static bool put_table(writer *w, const frame *outer) {
  frame here = {lua_topointer(w->L, -1), outer};
  for (const frame *around = outer; around; around = around->outer)
    if (around->table == here.table) return refuse(w, false, "a table that is inside itself");
  if (w->depth >= LAC_JSON_DEPTH_MAX) return refuse(w, false, "nested more than 1000 levels deep");
  luaL_checkstack(w->L, LUA_MINSTACK, "JSON is nested too deeply");
  lua_Number count = array_length(w);
  if (count == -2) return false;
  w->depth++;
  if (count < 0 ? !put_object(w, &here) : !put_array(w, &here, count)) return false;
  w->depth--;
  return true;
}

static bool put_other(writer *w, int type) {
  lua_State *L = w->L;
  if (type == CDATA) {
    lua_pushvalue(L, INTEGER_TEXT);
    lua_pushvalue(L, -2);
    lua_call(L, 1, 1);
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (text) {
      bool ok = put(w, text, size);
      lua_pop(L, 1);
      return ok;
    }
  }
  return refuse(w, true, lua_pushfstring(L, "a %s cannot be written as JSON", lua_typename(L, type)));
}

static bool put_value(writer *w, const frame *outer) {
  lua_State *L = w->L;
  int type = lua_type(L, -1);
  size_t size;
  const char *text;
  switch (type) {
  case LUA_TSTRING: text = lua_tolstring(L, -1, &size); return put_string(w, text, size);
  case LUA_TNUMBER: return put_number(w, lua_tonumber(L, -1));
  case LUA_TTABLE: return put_table(w, outer);
  case LUA_TBOOLEAN: return lua_toboolean(L, -1) ? put(w, "true", 4) : put(w, "false", 5);
  case LUA_TNIL: return put(w, "null", 4);
  case LUA_TLIGHTUSERDATA:
    if (!lua_touserdata(L, -1)) return put(w, "null", 4);
    /* fall through */
  default: return put_other(w, type);
  }
}
/* NOLINTEND(misc-no-recursion) */

/* ---- the call ---- */

static void recycle(lac_bytes *bytes) {
  bytes->size = 0;
  if (bytes->capacity > KEEP_BYTES) lac_bytes_free(bytes);
}

static memory *push_memory(lua_State *L) {
  memory *m = lua_newuserdata(L, sizeof *m);
  *m = (memory){0};
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  return m;
}

static int l_free_memory(lua_State *L) {
  memory *m = luaL_checkudata(L, 1, METATABLE);
  lac_bytes_free(&m->out);
  lac_bytes_free(&m->entries);
  lac_bytes_free(&m->names);
  return 0;
}

static int l_encode(lua_State *L) {
  lua_settop(L, INTEGER_TEXT);
  luaL_checktype(L, ARRAY, LUA_TTABLE);
  luaL_checktype(L, INTEGER_TEXT, LUA_TFUNCTION);
  memory *m = lua_touserdata(L, lua_upvalueindex(1));
  lua_createtable(L, 0, 0);
  lua_pushliteral(L, "n");
  lua_pushnil(L);
  if (m->is_used) m = push_memory(L); /* by a call that a finalizer interrupts with this one */
  writer w = {.L = L, .memory = m, .array = lua_topointer(L, ARRAY)};
  if (!lua_isnil(L, INDENT)) w.indent = luaL_checklstring(L, INDENT, &w.indent_size);
  m->is_used = true;
  lua_pushvalue(L, VALUE);
  bool is_written = put_value(&w, NULL);
  if (is_written) lua_pushlstring(L, m->out.data, m->out.size);
  recycle(&m->out);
  recycle(&m->entries);
  recycle(&m->names);
  m->is_used = false;
  if (is_written) return 1;
  if (w.is_out_of_memory) return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  lua_pushstring(L, w.is_type_error ? "type" : "value");
  lua_pushstring(L, w.reason);
  lua_pushvalue(L, PATH);
  return 4;
}

void lac_json_push_encode(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, l_free_memory);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  push_memory(L);
  lua_pushcclosure(L, l_encode, 1);
}
