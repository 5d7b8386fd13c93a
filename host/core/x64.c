#include "core/x64.h"

#include <stdbool.h>
#include <stdint.h>

/* What follows an opcode. */
enum {
  NONE = 1,   /* nothing */
  BYTE,       /* an immediate or displacement of 1 byte */
  LONG,       /* of 4 bytes, 2 with an operand-size prefix */
  JUMP,       /* a displacement of 4 bytes */
  WIDE,       /* an immediate of 4 bytes, 8 with REX.W, 2 with an operand-size prefix */
  MODRM,      /* a ModRM byte */
  MODRM_BYTE, /* a ModRM byte and an immediate of 1 byte */
  MODRM_LONG, /* a ModRM byte and an immediate as LONG */
  TEST_BYTE,  /* MODRM_BYTE if the reg field is 0 or 1, else MODRM */
  TEST_LONG,  /* MODRM_LONG if the reg field is 0 or 1, else MODRM */
};

static int kind_of_one_byte(unsigned char opcode) {
  if (opcode < 0x40) { /* arithmetic: eight rows of the same */
    int column = opcode & 7;
    return column < 4 ? MODRM : column == 4 ? BYTE : column == 5 ? LONG : 0;
  }
  switch (opcode & 0xf8) {
  case 0x50:
  case 0x58: return NONE;
  case 0x70:
  case 0x78: return BYTE;
  case 0x88: return MODRM;
  case 0x90: return NONE;
  case 0xb0: return BYTE;
  case 0xb8: return WIDE;
  case 0xd8: return MODRM;
  default: break;
  }
  switch (opcode) {
  case 0x63:
  case 0x84:
  case 0x85:
  case 0x86:
  case 0x87:
  case 0xd0:
  case 0xd1:
  case 0xd2:
  case 0xd3:
  case 0xfe:
  case 0xff: return MODRM;
  case 0x6b:
  case 0x80:
  case 0x83:
  case 0xc0:
  case 0xc1:
  case 0xc6: return MODRM_BYTE;
  case 0x69:
  case 0x81:
  case 0xc7: return MODRM_LONG;
  case 0x68:
  case 0xa9: return LONG;
  case 0x6a:
  case 0xa8:
  case 0xcd:
  case 0xe3:
  case 0xeb: return BYTE;
  case 0xe8:
  case 0xe9: return JUMP;
  case 0xf6: return TEST_BYTE;
  case 0xf7: return TEST_LONG;
  case 0x98:
  case 0x99:
  case 0xa4:
  case 0xa5:
  case 0xaa:
  case 0xab:
  case 0xc3:
  case 0xc9:
  case 0xcc: return NONE;
  default: return 0;
  }
}

static int kind_of_two_bytes(unsigned char opcode) { /* after 0f */
  if ((opcode & 0xf0) == 0x80) return JUMP;
  if (opcode >= 0x70 && opcode <= 0x73) return MODRM_BYTE;
  switch (opcode) {
  case 0x05:
  case 0x0b:
  case 0x31:
  case 0x77:
  case 0xa2: return NONE;
  case 0xa4:
  case 0xac:
  case 0xba:
  case 0xc2:
  case 0xc4:
  case 0xc5:
  case 0xc6: return MODRM_BYTE;
  case 0x04:
  case 0x07:
  case 0x0a:
  case 0x0c:
  case 0x0e:
  case 0x0f:
  case 0x38:
  case 0x3a: return 0;
  default: return (opcode & 0xf8) == 0xc8 ? NONE : MODRM; /* bswap */
  }
}

/* The bytes that a ModRM byte takes with its SIB byte and displacement. */
static size_t modrm_length(const unsigned char *modrm, size_t left) {
  if (left < 1) return 0;
  int mode = modrm[0] >> 6, base = modrm[0] & 7;
  if (mode == 3) return 1;
  size_t length = 1;
  if (base == 4) {
    if (left < 2) return 0;
    base = modrm[1] & 7;
    length++;
    if (mode == 0 && base == 5) length += 4;
  } else if (mode == 0 && base == 5) {
    length += 4; /* relative to the instruction pointer */
  }
  return length + (mode == 1 ? 1U : mode == 2 ? 4U : 0U);
}

size_t lac_x64_length(const unsigned char *code, size_t left) {
  size_t at = 0;
  bool is_short = false, is_wide = false; /* operand-size prefix, REX.W */
  while (at < left && (code[at] == 0x66 || code[at] == 0xf0 || code[at] == 0xf2 || code[at] == 0xf3))
    is_short |= code[at++] == 0x66;
  if (at < left && (code[at] & 0xf0) == 0x40) is_wide = (code[at++] & 8) != 0;
  if (at + 1 >= left) return left - at == 1 && kind_of_one_byte(code[at]) == NONE ? at + 1 : 0;
  int map = 0;            /* 0: one byte, 1: 0f, 2: 0f 38, 3: 0f 3a */
  if (code[at] == 0xc5) { /* VEX */
    map = 1;
    at += 2;
  } else if (code[at] == 0xc4) {
    map = code[at + 1] & 0x1f;
    at += 3;
  } else if (code[at] == 0x0f) {
    map = code[at + 1] == 0x38 ? 2 : code[at + 1] == 0x3a ? 3 : 1;
    at += map == 1 ? 1 : 2;
  }
  if (at >= left || map > 3) return 0;
  unsigned char opcode = code[at++];
  int kind = map == 0 ? kind_of_one_byte(opcode) : map == 1 ? kind_of_two_bytes(opcode) : map == 2 ? MODRM : MODRM_BYTE;
  size_t long_bytes = is_short ? 2 : 4;
  if (kind >= MODRM) {
    size_t modrm = modrm_length(code + at, left - at);
    if (modrm == 0) return 0;
    bool is_test = (code[at] & 0x30) == 0;
    at += modrm;
    if (kind == TEST_BYTE) kind = is_test ? MODRM_BYTE : MODRM;
    if (kind == TEST_LONG) kind = is_test ? MODRM_LONG : MODRM;
  }
  switch (kind) {
  case NONE:
  case MODRM: break;
  case BYTE:
  case MODRM_BYTE: at += 1; break;
  case LONG:
  case MODRM_LONG: at += long_bytes; break;
  case JUMP: at += 4; break;
  case WIDE: at += is_wide ? 8 : long_bytes; break;
  default: return 0;
  }
  return at <= left ? at : 0;
}
