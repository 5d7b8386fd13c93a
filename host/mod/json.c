/* json: `lacuna.native.json`, JSON text to Lua values (RFC 8259, and nothing more lenient) and back.
 *
 * decode(text, empty_array) → value; or nil and a message with the place
 * encode: json_writer.h
 * null → the light userdata of C's NULL, which every Lua state has
 *
 * One pass, recursive, bounded in depth; nothing is allocated but Lua values, so that running out of memory anywhere
 * leaks nothing. An array without items gets the metatable `empty_array`, for nothing else would tell it from an
 * object. */
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "mod/json_writer.h"

int luaopen_lacuna_native_json(lua_State *L);

enum { EMPTY_ARRAY = 2 /* the argument's stack index */ };

typedef struct reader {
  lua_State *L;
  const char *at, *begin, *end; /* *end is '\0', as in every Lua string */
  const char *reason;           /* set once something is wrong, at `at` */
  int depth;
} reader;

static bool fail(reader *r, const char *reason) {
  r->reason = reason;
  return false;
}

static bool fail_at(reader *r, const char *at, const char *reason) {
  r->at = at;
  return fail(r, reason);
}

static void skip_space(reader *r) {
  while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r') r->at++;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* ---- strings ---- */

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The four digits after "\u"; -1 if they are none. */
static int32_t read_unit(const char *digits) {
  int32_t unit = 0;
  for (int i = 0; i < 4; i++) {
    int value = hex_value(digits[i]);
    if (value < 0) return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

static void add_utf8(luaL_Buffer *buffer, int32_t code) {
  char bytes[4];
  size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};
  for (size_t i = size - 1; i > 0; i--, code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3F));
  bytes[0] = (char)(leads[size - 1] | code);
  luaL_addlstring(buffer, bytes, size);
}

/* What follows a backslash; `at` stands on the backslash, afterwards behind the escape. */
static bool read_escape(reader *r, luaL_Buffer *buffer) {
  static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
  char name = r->at[1];
  const char *found = name ? strchr(names, name) : NULL;
  if (found) {
    luaL_addlstring(buffer, &meanings[found - names], 1);
    r->at += 2;
    return true;
  }
  if (name != 'u') return fail(r, "an escape that JSON does not have");
  int32_t code = read_unit(r->at + 2);
  if (code < 0) return fail(r, "four hexadecimal digits expected after \\u");
  if (code >= 0xD800 && code < 0xE000) { /* half of a pair that stands for one character */
    int32_t low = code < 0xDC00 && r->at[6] == '\\' && r->at[7] == 'u' ? read_unit(r->at + 8) : -1;
    if (low < 0xDC00 || low >= 0xE000) return fail(r, "half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    r->at += 6;
  }
  r->at += 6;
  add_utf8(buffer, code);
  return true;
}

static const char *plain_end(const char *at) {
  while ((unsigned char)*at >= 0x20 && *at != '"' && *at != '\\') at++;
  return at;
}

/* Pushes the string whose opening quote `at` stands on. */
static bool read_string(reader *r) {
  const char *begin = ++r->at;
  r->at = plain_end(begin);
  if (*r->at == '"') {
    lua_pushlstring(r->L, begin, (size_t)(r->at++ - begin));
    return true;
  }
  luaL_Buffer buffer;
  luaL_buffinit(r->L, &buffer);
  luaL_addlstring(&buffer, begin, (size_t)(r->at - begin));
  while (*r->at != '"') {
    if (*r->at == '\\') {
      if (!read_escape(r, &buffer)) return false;
    } else if (r->at == r->end) {
      return fail(r, "a string without an end");
    } else {
      return fail(r, "a control character in a string");
    }
    begin = r->at;
    r->at = plain_end(begin);
    luaL_addlstring(&buffer, begin, (size_t)(r->at - begin));
  }
  r->at++;
  luaL_pushresult(&buffer);
  return true;
}

/* ---- numbers ---- */

static bool read_number(reader *r) {
  const char *begin = r->at, *at = begin + (*begin == '-');
  int64_t value = 0;
  if (!is_digit(*at)) return fail_at(r, at, "a digit expected after the sign");
  const char *digits = at;
  if (*at == '0')
    at++;
  else
    for (; is_digit(*at); at++)
      if (at - digits < 18) value = value * 10 + (*at - '0');
  bool is_short = at - digits <= 15; /* exact in a double, and what most numbers are */
  if (*at == '.') {
    is_short = false;
    if (!is_digit(*++at)) return fail_at(r, at, "a digit expected after the decimal point");
    while (is_digit(*at)) at++;
  }
  if (*at == 'e' || *at == 'E') {
    is_short = false;
    at++;
    if (*at == '+' || *at == '-') at++;
    if (!is_digit(*at)) return fail_at(r, at, "a digit expected in the exponent");
    while (is_digit(*at)) at++;
  }
  r->at = at;
  if (is_short && value) {
    lua_pushnumber(r->L, (lua_Number)(*begin == '-' ? -value : value));
    return true;
  }
  lua_pushlstring(r->L, begin, (size_t)(at - begin)); /* Lua reads numbers alike in every locale, strtod does not */
  lua_Number number = lua_isnumber(r->L, -1) ? lua_tonumber(r->L, -1) : HUGE_VAL;
  lua_pop(r->L, 1);
  lua_pushnumber(r->L, number);
  return isfinite(number) ? true : fail_at(r, begin, "a number out of range");
}

/* ---- values: recursive, LAC_JSON_DEPTH_MAX levels at most ---- */

/* NOLINTBEGIN(misc-no-recursion) */
static bool read_value(reader *r);

static bool read_array(reader *r) {
  r->at++;
  lua_newtable(r->L);
  skip_space(r);
  if (*r->at == ']') {
    r->at++;
    lua_pushvalue(r->L, EMPTY_ARRAY);
    lua_setmetatable(r->L, -2);
    return true;
  }
  for (int i = 1;; i++) {
    if (!read_value(r)) return false;
    lua_rawseti(r->L, -2, i);
    skip_space(r);
    if (*r->at == ']') break;
    if (*r->at != ',') return fail(r, "',' or ']' expected");
    r->at++;
  }
  r->at++;
  return true;
}

static bool read_object(reader *r) {
  r->at++;
  lua_newtable(r->L);
  skip_space(r);
  if (*r->at == '}') {
    r->at++;
    return true;
  }
  for (;;) {
    skip_space(r);
    if (*r->at != '"') return fail(r, "a string expected as the key");
    if (!read_string(r)) return false;
    skip_space(r);
    if (*r->at != ':') return fail(r, "':' expected");
    r->at++;
    if (!read_value(r)) return false;
    lua_rawset(r->L, -3);
    skip_space(r);
    if (*r->at == '}') break;
    if (*r->at != ',') return fail(r, "',' or '}' expected");
    r->at++;
  }
  r->at++;
  return true;
}

static bool read_word(reader *r, const char *word) {
  size_t size = strlen(word);
  if (strncmp(r->at, word, size) != 0) return fail(r, "a value expected");
  r->at += size;
  return true;
}

/* Pushes the value that begins at `at`, after spaces. */
static bool read_value(reader *r) {
  skip_space(r);
  switch (*r->at) {
  case '"': return read_string(r);
  case '{':
  case '[': {
    if (++r->depth > LAC_JSON_DEPTH_MAX) return fail(r, "nested more than 1000 levels deep");
    luaL_checkstack(r->L, LUA_MINSTACK, "JSON is nested too deeply");
    bool ok = *r->at == '{' ? read_object(r) : read_array(r);
    r->depth--;
    return ok;
  }
  case 't': lua_pushboolean(r->L, 1); return read_word(r, "true");
  case 'f': lua_pushboolean(r->L, 0); return read_word(r, "false");
  case 'n': lua_pushlightuserdata(r->L, NULL); return read_word(r, "null");
  default:
    if (*r->at == '-' || is_digit(*r->at)) return read_number(r);
    return fail(r, r->at == r->end ? "a value expected, but the text ends" : "a value expected");
  }
}
/* NOLINTEND(misc-no-recursion) */

static int push_failure(reader *r) {
  int line = 1;
  const char *line_begin = r->begin;
  for (const char *c = r->begin; c < r->at; c++) {
    if (*c != '\n') continue;
    line++;
    line_begin = c + 1;
  }
  lua_pushnil(r->L);
  lua_pushfstring(r->L, "%s at character %d (line %d, column %d)", r->reason, (int)(r->at - r->begin) + 1, line,
                  (int)(r->at - line_begin) + 1);
  return 2;
}

static int l_decode(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  luaL_checktype(L, EMPTY_ARRAY, LUA_TTABLE);
  lua_settop(L, EMPTY_ARRAY);
  reader r = {.L = L, .at = text, .begin = text, .end = text + size};
  if (!read_value(&r)) return push_failure(&r);
  skip_space(&r);
  if (r.at == r.end) return 1;
  fail(&r, "the text goes on after the value");
  return push_failure(&r);
}

int luaopen_lacuna_native_json(lua_State *L) {
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, l_decode);
  lua_setfield(L, -2, "decode");
  lac_json_push_encode(L);
  lua_setfield(L, -2, "encode");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}
