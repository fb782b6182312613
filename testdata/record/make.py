#!/usr/bin/env python3
"""Writes the record vectors beside it (README.txt has their form).

It shares no code with the program: Ed25519 is RFC 8032's, written out, JSON is Python's. Every body,
good or bad, is signed as it stands by the key of RFC 8032 section 7.1 test 1, so that what is wrong
with a bad one is its form alone (unless `signature` is expected).
"""
import base64, hashlib, json, pathlib

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


def recover(y):
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * I % P
    return x if x % 2 == 0 else P - x


B = (recover(4 * pow(5, P - 2, P) % P), 4 * pow(5, P - 2, P) % P)


def add(p, q):
    (a, b), (c, d) = p, q
    t = D * a * c * b * d
    return ((a * d + b * c) * pow(1 + t, P - 2, P) % P, (b * d + a * c) * pow(1 - t, P - 2, P) % P)


def mul(p, n):
    r = (0, 1)
    while n:
        if n & 1:
            r = add(r, p)
        p, n = add(p, p), n >> 1
    return r


def enc(p):
    return (p[1] | (p[0] & 1) << 255).to_bytes(32, "little")


SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
H = hashlib.sha512(SEED).digest()
A = int.from_bytes(H[:32], "little") & (1 << 254) - 8 | 1 << 254
PUB = enc(mul(B, A))


def sign(m):
    r = int.from_bytes(hashlib.sha512(H[32:] + m).digest(), "little") % L
    R = enc(mul(B, r))
    k = int.from_bytes(hashlib.sha512(R + PUB + m).digest(), "little") % L
    return R + ((r + k * A) % L).to_bytes(32, "little")


KEY = PUB.hex()
OTHER = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"  # RFC 8032 7.1 test 2
ROOM = hashlib.sha256("p2pchat/1/open-room\0caf\u00e9".encode()).hexdigest()[:32]
FEED, ZF, PREV, Z = "00000000000000ff", "0" * 16, "ab" * 32, "0" * 64


def js(x):
    """encoding/json's string: raw UTF-8 but for controls, quotes and U+2028/9."""
    return json.dumps(x, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def text(t):
    return '{"text":' + js(t) + "}"


def name(n):
    return '{"name":' + js(n) + "}"


def body(data=text("hello"), v="1", room=ROOM, author=KEY, feed=FEED, seq="1", prev=PREV, time="[1790000000000,0]", kind="chat"):
    return (f'{{"v":{v},"room":"{room}","author":"{author}","feed":"{feed}","seq":{seq},"prev":"{prev}",'
            f'"time":{time},"kind":"{kind}","data":{data}}}')


def free(kind, data):
    return body(feed=ZF, seq="0", prev=Z, kind=kind, data=data)


GOOD = body()
CASES = {
    # Good ones of each kind.
    "ok-chat": ("ok", "", GOOD),
    "ok-me": ("ok", "", body(kind="me", data=text("waves"))),
    "ok-name": ("ok", "", body(kind="name", data=name("Zoë 🦊"))),
    "ok-open": ("ok", "a feed's first record", body(kind="open", seq="0", data=name("alice"))),
    "ok-open-first-ever": ("ok", "no feed before", body(kind="open", seq="0", prev=Z, data=name("alice"))),
    "ok-escapes": ("ok", "all escapes that a text can have", body(text('"q" \\ \n \t \u2028 \u2029 / \' end'))),
    "ok-html": ("ok", "written as it is", body(text("<b>&amp;</b>"))),
    "ok-unicode": ("ok", "U+FFFD, a noncharacter and the last one", body(text("é e\u0301 \ufffd \uffff \U0010ffff"))),
    "ok-bidi": ("ok", "what looks hostile is the screen's business", body(text("\u202eevil\u200b"))),
    "ok-empty-text": ("ok", "", body(text(""))),
    "ok-text-8192": ("ok", "", body(text("x" * 8192))),
    "ok-text-escaped-16384": ("ok", "the limit counts the text, not its escapes", body(text("\n" * 8192))),
    "ok-name-64": ("ok", "", body(kind="name", data=name("é" * 32))),
    "ok-greatest-numbers": ("ok", "", body(seq="9007199254740991", time="[9007199254740991,9007199254740991]")),
    "ok-unknown-kind": ("ok", "kept and passed on", body(kind="x-reaction", data='{"to":"abc","how":[1,2.5e3,null,{"deep":true}]}')),
    "ok-unknown-kind-odd-data": ("ok", "not looked into: duplicates, lone surrogates, U+2028 in clear",
                                 body(kind="x", data='{"a":1,"a":2,"s":"\\ud800\u2028\\u0041<"}')),
    "ok-outside-feeds": ("ok", "as vote records are", free("ballot", '{"proposal":"' + PREV + '","choice":"approve"}')),
    "ok-unknown-kind-32768": ("ok", "the greatest body", None),
    # Limits.
    "body-32769": ("too-long", "", None),
    "text-8193": ("too-long", "", body(text("x" * 8193))),
    "name-65": ("too-long", "", body(kind="name", data=name("é" * 32 + "x"))),
    "seq-over-2-53": ("malformed", "", body(seq="9007199254740992")),
    "seq-over-64-bits": ("malformed", "", body(seq="99999999999999999999")),
    "time-over-2-53": ("malformed", "", body(time="[9007199254740992,0]")),
    "counter-over-2-53": ("malformed", "", body(time="[0,9007199254740992]")),
    # Two statements in one text.
    "duplicate-key": ("not-canonical", "", GOOD.replace('"kind":"chat"', '"kind":"me","kind":"chat"')),
    "wrong-case-key": ("not-canonical", "", GOOD.replace('"kind"', '"Kind"')),
    "wrong-case-duplicate": ("not-canonical", "", GOOD.replace('"kind":"chat"', '"kind":"chat","KIND":"me"')),
    "unknown-key": ("not-canonical", "", GOOD.replace('"kind"', '"x":0,"kind"')),
    "unknown-key-last": ("not-canonical", "", GOOD[:-1] + ',"x":0}'),
    "keys-in-another-order": ("not-canonical", "", GOOD.replace(f'"seq":1,"prev":"{PREV}"', f'"prev":"{PREV}","seq":1')),
    "no-prev-key": ("malformed", "", GOOD.replace(f'"prev":"{PREV}",', "")),
    "no-time-key": ("not-canonical", "", GOOD.replace('"time":[1790000000000,0],', "")),
    "data-duplicate-key": ("not-canonical", "", body('{"text":"yes","text":"no"}')),
    "data-wrong-case-duplicate": ("not-canonical", "as choice/CHOICE", body('{"text":"reject","TEXT":"approve"}')),
    "data-wrong-case-key": ("not-canonical", "", body('{"Text":"hello"}')),
    "data-folded-key": ("not-canonical", "encoding/json folds U+212A to k, U+017F to s; here in kind",
                        GOOD.replace('"kind"', '"\u212aind"')),
    "data-unknown-key": ("not-canonical", "", body('{"text":"hello","x":1}')),
    "data-no-key": ("not-canonical", "", body("{}")),
    "data-null-text": ("not-canonical", "", body('{"text":null}')),
    "data-key-of-another-kind": ("not-canonical", "", body(name("alice"))),
    "data-null": ("malformed", "", body("null")),
    "data-array": ("malformed", "", body('["hello"]')),
    "data-number-text": ("malformed", "", body('{"text":1}')),
    "data-twice": ("malformed", "", body(text("a") + text("b"))),
    # Other ways to write the same.
    "space-after-colon": ("not-canonical", "", GOOD.replace('"v":1', '"v": 1')),
    "space-in-data": ("not-canonical", "", body('{"text": "hello"}')),
    "space-in-unknown-data": ("not-canonical", "", body(kind="x", data='{"a": 1}')),
    "space-before": ("not-canonical", "", " " + GOOD),
    "newline-after": ("not-canonical", "", GOOD + "\n"),
    "escaped-letter": ("not-canonical", "", body('{"text":"\\u0041"}')),
    "escaped-key": ("not-canonical", "", GOOD.replace('"kind"', '"\\u006bind"')),
    "escaped-html": ("not-canonical", "what encoding/json does unless told not to", body('{"text":"\\u003cb\\u003e"}')),
    "escaped-slash": ("not-canonical", "", body('{"text":"\\/"}')),
    "escaped-newline-long": ("not-canonical", "", body('{"text":"\\u000a"}')),
    "escaped-2028-upper-case": ("not-canonical", "", body('{"text":"\\u202A\\u2028"}')),
    "escaped-pair": ("not-canonical", "a good surrogate pair", body('{"text":"\\ud83e\\udd8a"}')),
    "lone-surrogate": ("not-canonical", "reads as U+FFFD", body('{"text":"\\ud800"}')),
    "line-separator-in-clear": ("not-canonical", "U+2028 is written as an escape", body('{"text":"a\u2028b"}')),
    "paragraph-separator-in-clear": ("not-canonical", "", body('{"text":"a\u2029b"}')),
    "seq-1.0": ("malformed", "", body(seq="1.0")),
    "seq-1e0": ("malformed", "", body(seq="1e0")),
    "seq-minus": ("malformed", "", body(seq="-1")),
    "seq-minus-zero": ("malformed", "", body(kind="open", seq="-0", data=name("a"))),
    "seq-leading-zero": ("malformed", "", body(seq="01")),
    "seq-string": ("malformed", "", body(seq='"1"')),
    "time-minus-zero": ("not-canonical", "", body(time="[-0,0]")),
    "time-minus": ("malformed", "", body(time="[-1,0]")),
    "time-1e3": ("malformed", "", body(time="[1e3,0]")),
    "time-one": ("malformed", "", body(time="[1]")),
    "time-three": ("malformed", "", body(time="[1,2,3]")),
    "time-null": ("malformed", "", body(time="null")),
    "time-object": ("malformed", "", body(time='{"Ms":1,"N":2}')),
    "upper-case-room": ("malformed", "", body(room=ROOM.upper())),
    "upper-case-author": ("malformed", "", body(author=KEY.upper())),
    "upper-case-feed": ("malformed", "", body(feed=FEED.upper())),
    "upper-case-prev": ("malformed", "", body(prev=PREV.upper())),
    "short-room": ("malformed", "", body(room=ROOM[:30])),
    "short-feed": ("malformed", "", body(feed="ff")),
    "feed-a-number": ("malformed", "", GOOD.replace(f'"feed":"{FEED}"', '"feed":255')),
    "small-order-author": ("malformed", "", body(author="01" + "0" * 62)),
    "non-canonical-author": ("malformed", "", body(author="ee" + "f" * 60 + "7f")),
    "no-author": ("malformed", "", body(author="")),
    # Characters.
    "control-nul": ("text", "", body('{"text":"\\u0000"}')),
    "control-escape": ("text", "", body('{"text":"\\u001b[2J"}')),
    "control-cr": ("text", "", body('{"text":"a\\rb"}')),
    "control-backspace": ("text", "", body('{"text":"\\b"}')),
    "control-del": ("text", "", body('{"text":"\x7f"}')),
    "control-c1": ("text", "CSI in one character", body('{"text":"\u009b2J"}')),
    "control-in-clear": ("malformed", "", body('{"text":"\x1b"}')),
    "newline-in-clear": ("malformed", "", body('{"text":"a\nb"}')),
    "newline-in-name": ("text", "", body(kind="name", data=name("a\nb"))),
    "tab-in-name": ("text", "", body(kind="name", data=name("a\tb"))),
    "not-utf-8": ("malformed", "", GOOD.encode().replace(b"hello", b"\xff\xfe")),
    "not-utf-8-surrogate": ("malformed", "CESU", GOOD.encode().replace(b"hello", b"\xed\xa0\x80")),
    "not-utf-8-in-unknown": ("malformed", "", body(kind="x", data='{"a":"hello"}').encode().replace(b"hello", b"\xc0\x80")),
    # Places and kinds.
    "chat-outside-feeds": ("malformed", "", free("chat", text("hello"))),
    "name-outside-feeds": ("malformed", "", free("name", name("alice"))),
    "open-outside-feeds": ("malformed", "", free("open", name("alice"))),
    "seq-outside-feeds": ("malformed", "", body(feed=ZF, kind="ballot", data="{}")),
    "prev-outside-feeds": ("malformed", "", body(feed=ZF, seq="0", kind="ballot", data="{}")),
    "open-at-seq-1": ("malformed", "", body(kind="open", data=name("alice"))),
    "chat-at-seq-0": ("malformed", "", body(seq="0")),
    "unknown-at-seq-0": ("malformed", "", body(seq="0", kind="x", data="{}")),
    "no-predecessor": ("malformed", "", body(prev=Z)),
    "empty-name": ("malformed", "", body(kind="open", seq="0", data=name(""))),
    "empty-kind": ("malformed", "", body(kind="", data="{}")),
    "upper-case-kind": ("malformed", "", body(kind="Chat")),
    "kind-33": ("malformed", "", body(kind="x" * 33, data="{}")),
    "version-0": ("malformed", "", body(v="0")),
    "version-2": ("malformed", "", body(v="2")),
    # Not a body at all.
    "empty": ("malformed", "", ""),
    "null": ("malformed", "", "null"),
    "array": ("malformed", "", "[" + GOOD + "]"),
    "two-objects": ("malformed", "", GOOD + GOOD),
    "cut": ("malformed", "", GOOD[:-1]),
    "deep": ("malformed", "deeper than encoding/json goes", body(kind="x", data='{"a":' + "[" * 12000 + "]" * 12000 + "}")),
    # Good form, bad signature.
    "signature-of-another-domain": ("signature", "signed without the domain", GOOD),
    "signature-of-another-body": ("signature", "", GOOD),
    "signature-of-another-key": ("signature", "", body(author=OTHER)),
    "signature-zero": ("signature", "", GOOD),
    "signature-s-plus-l": ("signature", "the same point with S not reduced", GOOD),
    "signature-63": ("malformed", "", GOOD),
    "signature-65": ("malformed", "", GOOD),
    "signature-none": ("malformed", "", GOOD),
}
DOMAIN = b"p2pchat/1/record\0"
here = pathlib.Path(__file__).parent
for old in here.glob("*.txt"):
    if old.name != "README.txt":
        old.unlink()
for title, (expect, note, b) in CASES.items():
    if b is None:  # of a given length
        want = int(title.rsplit("-", 1)[1])
        empty = body(kind="x", data='{"a":""}')
        b = body(kind="x", data='{"a":"' + "x" * (want - len(empty)) + '"}')
        assert len(b) == want
    raw = b if isinstance(b, bytes) else b.encode()
    sig = sign(DOMAIN + raw)
    if title == "signature-of-another-domain":
        sig = sign(raw)
    elif title == "signature-of-another-body":
        sig = sign(DOMAIN + body(text("goodbye")).encode())
    elif title == "signature-zero":
        sig = bytes(64)
    elif title == "signature-s-plus-l":
        sig = sig[:32] + (int.from_bytes(sig[32:], "little") + L).to_bytes(32, "little")
    elif title in ("signature-63", "signature-65", "signature-none"):
        sig = {"3": sig[:63], "5": sig + b"\0", "e": b""}[title[-1]]
    head = f"expect: {expect}\n"
    if note:
        head += f"note: {note}\n"
    if expect == "ok":
        head += f"id: {hashlib.sha256(DOMAIN + raw).hexdigest()}\n"
    head += f"sig: {base64.b64encode(sig).decode()}\n\n"
    (here / f"{title}.txt").write_bytes(head.encode() + raw + b"\n")
