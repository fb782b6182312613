#!/usr/bin/env python3
"""Writes the vectors beside it; README.txt has their form. Signatures are made with python3-cryptography,
by the key of RFC 8032 section 7.1 test 1."""
import json, pathlib
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
PUB = list(KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
BOB, CAROL = "b0b00000-0000-4000-8000-000000000000", "ca201000-0000-4000-8000-000000000000"
AT = 1790000000
HERE = pathlib.Path(__file__).parent
SIGNATURE, FORM = "signature is not the signer's", "object is none of the seed's forms"


def sign(text, at=AT):
    return list(KEY.sign(f"{text}:{at}".encode()))


def compact(o):  # serde_json's form
    return json.dumps(o, ensure_ascii=False, separators=(",", ":"))


def chat(text, name="Bob", id=BOB, at=AT, **more):
    return compact({"Chat": {"from_id": id, "from_name": name, "content": text, "timestamp": at, **more}})


def signed(text, at=AT, **more):
    f = {"message": text, "signature": sign(text, at), "public_key": PUB, "signer_id": BOB, "signer_name": "Bob", "timestamp": at}
    return compact({"SignedChat": f | more})


def said(text, name="Bob", how="unsigned"):
    return f"said: {how} {json.dumps(name, ensure_ascii=False)} {json.dumps(text, ensure_ascii=False)}"


def write(name, kind, payload, *expect):
    data = payload if isinstance(payload, bytes) else payload.encode()
    head = "\n".join((f"is: {kind}",) + expect)
    (HERE / f"{name}.txt").write_bytes(head.encode() + b"\n\n" + data + b"\n")


def main():
    for old in HERE.glob("*.txt"):
        if old.name != "README.txt":
            old.unlink()
    guest = "10.0.0.2:40000"
    S = "seed-signed"

    write("json-chat", "objects", chat("Hey!"), said("Hey!"))
    write("json-chat-null-signature", "objects", chat("hi", signature=None, public_key=None), said("hi"))
    write("json-chat-signed", "objects", chat("signed", signature=sign("signed"), public_key=PUB), said("signed", how=S))
    write("json-chat-signed-unicode", "objects", chat("æ: 🦊 \"q\"", signature=sign("æ: 🦊 \"q\""), public_key=PUB), said("æ: 🦊 \"q\"", how=S))
    write("json-chat-signed-time-0", "objects", chat("x", at=0, signature=sign("x", 0), public_key=PUB), said("x", how=S))
    write("json-chat-signature-wrong", "objects", chat("not what was signed", signature=sign("x"), public_key=PUB), "refused: " + SIGNATURE)
    write("json-chat-signature-time", "objects", chat("x", at=AT + 1, signature=sign("x"), public_key=PUB), "refused: " + SIGNATURE)
    write("json-chat-signature-short", "objects", chat("x", signature=sign("x")[:63], public_key=PUB), "refused: " + SIGNATURE)
    write("json-chat-signature-no-key", "objects", chat("x", signature=sign("x")), "refused: " + SIGNATURE)
    write("json-chat-key-no-signature", "objects", chat("x", public_key=PUB), "refused: " + SIGNATURE)
    write("json-chat-signature-byte-256", "objects", chat("x", signature=[256] * 64, public_key=PUB), "refused: " + FORM)
    write("json-chat-small-order", "objects", chat("pay mallory 2", signature=[1] + [0] * 63, public_key=[1] + [0] * 31), "refused: " + SIGNATURE)
    write("json-chat-small-order-ecff", "objects", chat("x", signature=[1] + [0] * 63, public_key=[0xec] + [0xff] * 30 + [0x7f]), "refused: " + SIGNATURE)
    write("json-chat-stranger", "objects", chat("who am I", "Mallory", "anything at all"), said("who am I", "Mallory"))
    write("json-chat-no-name", "objects", chat("hi", ""), said("hi", "10.0.0.2"))
    write("json-chat-time-odd", "objects", '{"Chat":{"from_id":"x","from_name":"Bob","content":"late","timestamp":-1.5}}', said("late"))
    write("json-chat-time-huge", "objects", chat("x", at=2**64 - 1), said("x"))
    write("json-chat-time-string", "objects", '{"Chat":{"from_id":"x","from_name":"Bob","content":"s","timestamp":"now"}}', said("s"))
    write("json-chat-empty", "objects", chat(""))
    write("json-chat-escapes", "objects", '{"Chat":{"from_id":"x","from_name":"B\\u006fb","content":"\\u001b[31m}{\\"\\\\\\u0000\\ud83e\\udd8a","timestamp":1}}', said("\x1b[31m}{\"\\\x00🦊"))
    write("json-chat-unknown-field", "objects", chat("x", room={"a": [1, {"b": "}"}]}), said("x"))
    write("json-chat-3000", "objects", chat("0123456789" * 300), said("0123456789" * 300))
    write("json-signed", "objects", signed("hello"), said("hello", how=S))
    write("json-signed-wrong", "objects", signed("hello", message="hullo"), "refused: " + SIGNATURE)
    write("json-signed-null", "objects", signed("hello", signature=None), "refused: " + SIGNATURE)
    write("json-heartbeat", "objects", compact({"Heartbeat": BOB}))
    write("json-exit", "objects", compact({"Exit": BOB}), "peer: left Bob")
    write("json-exit-forged", "objects", compact({"Exit": CAROL}), "refused: Exit of a peer that is not known there")
    write("json-identity", "objects", compact({"IdentityAnnouncement": {"peer_id": BOB, "name": "Robert", "public_key": PUB}}))
    write("json-identity-forged", "objects", compact({"IdentityAnnouncement": {"peer_id": CAROL, "name": "Mallory", "public_key": PUB}}))
    write("json-discovery", "objects", compact({"Discovery": {"id": "da7e0000-0000-4000-8000-000000000000", "name": "Dave", "ip": "10.0.0.77", "port": 8082}}), "peer: up Dave", 'answer: {"Discovery":{"id":"5e1f')
    write("json-discovery-known", "objects", compact({"Discovery": {"id": BOB, "name": "Bob", "ip": "10.0.0.2", "port": 8081}}), 'answer: {"Discovery":{"id":"5e1f')
    write("json-discovery-carol", "objects", compact({"Discovery": {"id": CAROL, "name": "Mallory", "ip": "10.0.0.9", "port": 8080}}), "refused: the id of a peer that is there, from another address")
    write("json-discovery-port-0", "objects", compact({"Discovery": {"id": "da7e", "name": "Dave", "ip": "10.0.0.2", "port": 0}}))
    write("json-upgrade", "objects", compact({"UpgradeRequest": {"id": "1", "x": [1]}}) + compact({"UpgradeVote": {"id": "1", "approve": True}}) + compact({"UpgradeRequest": {"id": "2"}}) + compact({"PartialSignature": ["1", [1, 2]]}), "info: UpgradeRequest", "info: UpgradeVote", "info: PartialSignature")
    write("json-unknown", "objects", compact({"Topology": []}) + chat("after"), "refused: a form that is not known", said("after"))
    write("json-two-tags", "objects", '{"Exit":"' + BOB + '","Chat":{}}' + chat("after"), "refused: " + FORM, said("after"))
    write("json-wrong-case", "objects", '{"chat":{"content":"x"}}', "refused: a form that is not known")
    write("json-not-json", "objects", "{nonsense [}" + chat("after"), "refused: " + FORM, said("after"))
    write("json-null", "objects", '{"Chat":null}', "refused: " + FORM)
    write("json-back-to-back", "objects", chat("one") + signed("two") + compact({"Heartbeat": BOB}) + chat("three"), said("one"), said("two", how=S), said("three"))
    write("json-white-space", "objects", " \r\n\t" + chat("one") + "\n\n  " + chat("two") + "\n", said("one"), said("two"))
    write("json-then-text", "objects", chat("one") + "hello", said("one"), "refused: not a JSON object: 'h'")
    write("json-not-utf-8", "objects", b'{"Chat":{"from_id":"x","from_name":"B","content":"\xff","timestamp":1}}' + chat("after").encode(), "refused: " + FORM, said("after"))
    write("json-cut", "objects", chat("never ends")[:-2], "refused: half a JSON object")
    write("json-too-long", "objects", '{"Chat":{"content":"' + "x" * 65536 + '"}}', "refused: JSON object is over 64 KiB")

    def lines(name, data, *texts):
        write(name, "lines", data, f"peer: up {guest}", *[said(t, guest) for t in texts], f"peer: left {guest}")

    lines("line", "hello\n", "hello")
    lines("line-crlf", "hello\r\nthere\r\n", "hello", "there")
    lines("line-no-newline", "hello\nbye", "hello", "bye")
    lines("line-blank", "\n\r\n  hello\n\n \t\nthere\n", "hello", "there")
    lines("line-utf-8", "æ 🦊 日本\n", "æ 🦊 日本")
    lines("line-latin-1", b"caf\xe9\n", "caf\ufffd")
    lines("line-nul", b"hello\0\0\0\nthere\0", "hello", "there")
    lines("line-escape", b"a\x1b[31m\n", "a\x1b[31m")
    lines("line-brace-later", "see {this}\n", "see {this}")
    lines("line-4096", "x" * 4096 + "\r\ny\n", "x" * 4096, "y")
    lines("line-4097", "x" * 4097 + "\ny\n", "x" * 4096, "x", "y")
    lines("line-long-utf-8", "x" * 4094 + "🦊🦊\n", "x" * 4094, "🦊🦊")
    lines("line-shout", "GET OUT OF HERE\nI LOVE HTTP/2\n", "GET OUT OF HERE", "I LOVE HTTP/2")
    lines("line-http-later", "look:\nGET / HTTP/1.1\n", "look:", "GET / HTTP/1.1")

    for name, data in {
        "http-get": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "http-post": "POST /chat HTTP/1.1\r\nHost: 192.168.1.2:8080\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\nI, Alice, resign\n",
        "http-post-json": "POST / HTTP/1.1\r\n\r\n" + chat("from a web page"),
        "http-options": "OPTIONS * HTTP/1.1\r\n\r\n",
        "http-connect": "CONNECT example.com:443 HTTP/1.1\r\n\r\n",
        "http-absolute": "GET http://x/ HTTP/1.0\n\n",
        "http-2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "http-odd-method": "hello / HTTP/1.1\r\n\r\n",
        "http-long": "GET /" + "a" * 5000 + " HTTP/1.1\r\nHost: x\r\n\r\n",
    }.items():
        write(name, "lines", data, "refused: HTTP request", "answer: HTTP/1.1 400 ")

    nothing = "refused: neither native, nor JSON, nor text"
    write("native", "native", bytes.fromhex("16030100c8010000c40303") + b"rest of a ClientHello")
    write("native-after-space", "garbage", b" \x16\x03\x01", nothing)
    write("garbage-nul", "garbage", b"\0hello\n", nothing)
    write("garbage-telnet", "garbage", b"\xff\xfb\x01", nothing)
    write("garbage-continuation", "garbage", b"\x80hello\n", nothing)
    write("garbage-stun", "garbage", bytes.fromhex("000100002112a442"), nothing)
    write("garbage-escape", "garbage", b"\x1b[2J\n", nothing)
    write("line-then-noise", "lines", b"hello\n\xff\x01\nlater\n", f"peer: up {guest}", said("hello", guest), nothing, f"peer: left {guest}")


main()
