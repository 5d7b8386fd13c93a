"""Random values as JSON: the same ones as json_text.lua makes, as json.dumps writes them."""
import json

state = 1


def random(limit):
    global state
    state = state * 16807 % 2147483647
    return state % limit


TEXTS = ["", "a", "key", "한글", "\"quoted\"", "back\\slash", "new\nline", "\x00\x1f\x7f", "\b\f\r\t", "é😀", "x" * 300]


def plain(number):
    """Lua has one kind of number: a whole one is written without a fraction. Where whole numbers begin to have gaps the
    two write them differently."""
    if 2**53 <= abs(number) < 1e17:
        return 0
    return int(number) if number == int(number) and abs(number) < 2**53 else number


def number():
    kind = random(6)
    whole = random(100000) - 50000
    if kind == 0:
        return whole
    if kind == 1:  # what people write
        return plain(whole / 100 + 0.005)
    if kind == 2:
        return plain(whole / 7 + 1 / 3)
    if kind == 3:
        return plain((whole + 0.5) * 10.0 ** (random(40) - 20))
    if kind == 4:
        return plain(2.0 ** (random(120) - 60) * (1 + random(1000) / 1024))
    return whole * 90071992547


def value(depth):
    kind = random(8 if depth < 5 else 5)
    if kind == 0:
        return None
    if kind == 1:
        return random(2) == 1
    if kind == 2:
        return TEXTS[random(len(TEXTS))]
    if kind < 5:
        return number()
    if kind == 5:
        return [value(depth + 1) for _ in range(random(6))]
    made = {}
    for _ in range(random(8) if random(20) else 100):
        key = TEXTS[random(len(TEXTS))] + str(random(30))
        made[key] = value(depth + 1)
    return made


for _ in range(400):
    print(json.dumps(value(0), ensure_ascii=False, sort_keys=True, separators=(",", ":")))
for _ in range(40):
    print(json.dumps(value(0), ensure_ascii=False, sort_keys=True, indent=3))
