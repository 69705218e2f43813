"""The worked examples of docs/protocol, made anew from the text of those pages alone.

Nothing of this project's code is called. What is not in Python's standard library comes from `cryptography`: X25519, AES, ML-KEM. A value that
differs ends the program with its name; so does one of the file that nothing here made or used.
"""

import base64
import hashlib
import hmac
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM1024PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

VECTORS = Path(__file__).resolve().parents[2] / "core/crypto/vectors/worked_example.txt"


class Section(dict):
    """Names and values of one section; each is to be looked at."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __getitem__(self, name):
        self.seen.add(name)
        return super().__getitem__(name)

    def holds(self, name, made):
        if self[name] != made:
            sys.exit(f"{name}: the file has {self[name].hex()}, the text gives {made.hex()}")


def read_vectors():
    sections, current = {}, None
    for line in VECTORS.read_text().splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), Section())
        elif line:
            name, value = line.split(" = ")
            dict.__setitem__(current, name, bytes.fromhex(value))
    return sections


# docs/protocol/keys.md


def public(secret):
    return b"\x05" + X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def agree(secret, key):
    assert key[0] == 5 and len(key) == 33
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(key[1:]))


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def hkdf(salt, secret, info, length):
    key, made, block, count = mac(salt or bytes(32), secret), b"", b"", 0
    while len(made) < length:
        count += 1
        block = mac(key, block + info + bytes([count]))
        made += block
    return made[:length]


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def times(number, point):
    total = (0, 1)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def with_sign(y, sign):
    """RFC 8032, section 5.1.3."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0, "no such point"
    return (P - x if x & 1 != sign else x), y


BASE = with_sign(4 * pow(5, -1, P) % P, 0)


def encoding(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def hash_number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def sign(secret, text, nonce):
    k = int.from_bytes(secret, "little")
    a = encoding(times(k, BASE))
    r = hash_number(b"\xfe" + b"\xff" * 31, secret, text, nonce)
    big_r = encoding(times(r, BASE))
    s = (r + hash_number(big_r, a, text) * k) % L
    signature = bytearray(big_r + s.to_bytes(32, "little"))
    signature[63] |= a[31] & 0x80
    return bytes(signature)


def verifies(key, text, signature):
    u, sign_bit = int.from_bytes(key[1:], "little"), signature[63] >> 7
    s = bytearray(signature[32:])
    s[31] &= 0x7F
    if s[31] & 0xE0:
        return False
    x, y = with_sign((u - 1) * pow(u + 1, -1, P) % P, sign_bit)
    h = hash_number(signature[:32], encoding((x, y)), text)
    check = add(times(int.from_bytes(s, "little"), BASE), times(h, (P - x, y)))
    return encoding(check) == signature[:32]


def text_of(label, *fields):
    """A label, then fields as they are; `field` puts a length in front."""
    return field(label.encode()) + b"".join(fields)


def field(value):
    return len(value).to_bytes(2, "big") + value


# Protobuf: fields in the order of their numbers.


def varint(number):
    made = b""
    while number > 0x7F:
        made, number = made + bytes([number & 0x7F | 0x80]), number >> 7
    return made + bytes([number])


def number(tag, value):
    return varint(tag << 3) + varint(value)


def data(tag, value):
    return varint(tag << 3 | 2) + varint(len(value)) + value


# docs/protocol/ratchet.md


def turn(section, root, ours, theirs, sender, receiver, plaintext, version):
    """A root step with a fresh pair, and the first message of its chain; the next root."""
    section.holds("ratchet_key", public(ours))
    section.holds("dh_ratchet", agree(ours, theirs))
    okm = hkdf(root, agree(ours, theirs), b"WhisperRatchet", 64)
    section.holds("next_root", okm[:32])
    section.holds("chain", okm[32:])
    seed = mac(okm[32:], b"\x01")
    section.holds("message_seed", seed)
    section.holds("next_chain", mac(okm[32:], b"\x02"))
    keys = hkdf(None, seed, b"WhisperMessageKeys", 80)
    section.holds("cipher_key", keys[:32])
    section.holds("mac_key", keys[32:64])
    section.holds("iv", keys[64:])
    assert section["plaintext"] == plaintext
    missing = 16 - len(plaintext) % 16
    encryptor = Cipher(AES(keys[:32]), CBC(keys[64:])).encryptor()
    ciphertext = encryptor.update(plaintext + bytes([missing]) * missing) + encryptor.finalize()
    section.holds("ciphertext", ciphertext)
    body = data(1, public(ours)) + number(2, 0) + number(3, 0) + data(4, ciphertext)
    tag = mac(keys[32:64], sender + receiver + bytes([version]) + body)[:8]
    section.holds("mac", tag)
    section.holds("message", bytes([version]) + body + tag)
    return okm[:32]


# docs/protocol/sessions.md


def beginning(keys, section, version):
    base = section["base_secret"]
    section.holds("base_key", public(base))
    alice, bob, prekey = keys["alice_identity_secret"], keys["bob_identity"], keys["bob_signed_prekey"]
    agreed = [agree(alice, prekey), agree(base, bob), agree(base, prekey), agree(base, keys["bob_one_time_prekey"])]
    for at, secret in enumerate(agreed):
        section.holds(f"dh_{at + 1}", secret)
    info, kem = b"WhisperText", b""
    if version == 0x44:
        ciphertext, info = section["kem_ciphertext"], b"Sealwire_X25519_SHA-256_ML-KEM-1024"
        assert ciphertext[0] == 0x0A and len(ciphertext) == 1569 and len(section["kem_random_m"]) == 32
        secret = MLKEM1024PrivateKey.from_seed_bytes(keys["bob_kem_seed"]).decapsulate(ciphertext[1:])
        section.holds("kem_secret", secret)
        agreed.append(secret)
        kem = number(7, 200) + data(8, ciphertext)
    section.holds("hkdf_info", info)
    root = hkdf(None, b"\xff" * 32 + b"".join(agreed), info, 64)[:32]
    section.holds("root", root)
    ratchet = section["ratchet_secret"]
    next_root = turn(section, root, ratchet, prekey, keys["alice_identity"], bob, b"hello", version)
    body = number(1, 100) + data(2, public(base)) + data(3, keys["alice_identity"]) + data(4, section["message"])
    body += number(5, 1001) + number(6, 10) + kem
    section.holds("prekey_message", bytes([version]) + body)
    return next_root, public(ratchet)


def check_keys(keys):
    for name in ["alice_identity", "bob_identity", "bob_signed_prekey", "bob_one_time_prekey"]:
        keys.holds(name, public(keys[name + "_secret"]))
    kem = MLKEM1024PrivateKey.from_seed_bytes(keys["bob_kem_seed"]).public_key().public_bytes_raw()
    keys.holds("bob_kem_prekey", b"\x0a" + kem)
    for name in ["bob_signed_prekey", "bob_kem_prekey"]:
        signature = sign(keys["bob_identity_secret"], keys[name], keys["signature_nonce_z"])
        keys.holds(name + "_signature", signature)
        assert verifies(keys["bob_identity"], keys[name], signature), name
        assert not verifies(keys["bob_identity"], keys[name] + b"\0", signature), name


# docs/protocol/content.md


def direct_thread(*people):
    people = sorted(person.encode() for person in people)
    head = bytearray(hashlib.sha256(b"Sealwire v1 direct" + b"".join(map(field, people))).digest()[:16])
    head[6], head[8] = head[6] & 0x0F | 0x80, head[8] & 0x3F | 0x80
    return bytes(head)


def padded(content):
    length = len(content) + 1
    if length > 160:
        exponent = length.bit_length() - 1
        step = 1 << exponent - exponent.bit_length()
        length = -(-length // step) * step
    return (content + b"\x80").ljust(max(length, 160), b"\0")


def check_content(section):
    thread = direct_thread("bob", "alice")
    section.holds("thread_id", thread)
    uid = bytes.fromhex("018bcfe568000102030405060708090a")
    body = data(1, uid) + data(5, data(1, b"bob")) + data(16, data(1, b"hi"))
    section.holds("body", body)
    franking = section["franking_key_f"]
    text = text_of("Sealwire v1 commitment", thread, field(b"alice"), len(body).to_bytes(4, "big"), body)
    section.holds("commitment_c", mac(franking, text))
    content = data(1, body) + data(2, franking)
    section.holds("content", content)
    okm = hkdf(None, section["content_key_k"], b"Sealwire v1 content", 44)
    section.holds("cipher_key", okm[:32])
    section.holds("nonce", okm[32:])
    place = [thread, field(b"alice"), (1).to_bytes(4, "big"), (7).to_bytes(8, "big"), b"\x01"]
    additional = text_of("Sealwire v1 content", *place)
    section.holds("additional_data", additional)
    ciphertext = AESGCM(okm[:32]).encrypt(okm[32:], padded(content), additional)
    section.holds("ciphertext", ciphertext)
    digest = hashlib.sha256(ciphertext).digest()
    section.holds("digest_d", digest)
    fields = [section["content_key_k"], digest, section["commitment_c"], thread]
    envelope = b"".join(data(at + 1, value) for at, value in enumerate(fields))
    # A revision of 0 is not written.
    section.holds("envelope", envelope + number(5, 7) + number(7, 3))


# docs/protocol/devices.md

AT = 1_700_000_000_000
NONCE = b"\x99" * 64


def check_devices(section, keys):
    secret, identity = keys["alice_identity_secret"], keys["alice_identity"]
    account, account_key = section["account_secret"], public(section["account_secret"])
    section.holds("account_key", account_key)
    entry = data(1, b"alice") + data(2, account_key) + number(3, 1) + number(4, 1001) + data(5, identity)
    entry += number(6, AT) + data(7, varint(4))
    section.holds("entry_payload", entry)
    by_account = sign(account, text_of("Sealwire v1 device entry", field(entry)), NONCE)
    section.holds("entry_account_signature", by_account)
    by_device = sign(secret, text_of("Sealwire v1 device consent", field(b"alice"), account_key), NONCE)
    section.holds("entry_device_signature", by_device)
    signed = data(1, entry) + data(2, by_account) + data(3, by_device)
    payload = data(1, b"alice") + data(2, account_key) + number(3, 1) + data(4, bytes(32)) + number(5, AT) + data(6, signed)
    section.holds("list_payload", payload)
    by_account = sign(account, text_of("Sealwire v1 device list", field(payload)), NONCE)
    section.holds("list_account_signature", by_account)
    one = (1).to_bytes(4, "big")
    by_signer = sign(secret, text_of("Sealwire v1 list signer", one, field(payload)), NONCE)
    section.holds("list_signer_signature", by_signer)
    section.holds("list", data(1, payload) + data(2, by_account) + number(3, 1) + data(4, by_signer))
    section.holds("list_hash", hashlib.sha256(payload).digest())
    nonce = section["challenge_nonce"]
    proof = text_of("Sealwire v1 challenge", field(b"https://relay.example"), field(b"alice"), one, nonce)
    section.holds("challenge_answer", sign(secret, proof, NONCE))


# docs/protocol/linking.md


def check_linking(section, keys, account):
    mailbox, new, existing = section["mailbox_id"], section["new_device_secret"], section["existing_device_secret"]

    def text(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    section.holds("code", b"sealwire://link?v=1&id=" + text(mailbox) + b"&k=" + text(public(new)))
    section.holds("existing_device_key", public(existing))
    agreed = agree(existing, public(new))
    section.holds("agreed", agreed)
    info = text_of("Sealwire v1 link keys", mailbox, public(new), public(existing))
    okm = hkdf(None, agreed, info, 64)
    section.holds("key_of_existing", okm[:32])
    section.holds("key_of_new", okm[32:])

    def slot(at, key, message, ephemeral=b""):
        additional = text_of("Sealwire v1 link slot", mailbox, bytes([at]))
        return ephemeral + data(2, AESGCM(key).encrypt(bytes(11) + bytes([at]), message, additional))

    granted = data(1, b"alice") + number(2, 2) + data(3, b"\x14" * 16) + number(4, AT + 600_000)
    one = (1).to_bytes(4, "big")
    by_account = sign(account, text_of("Sealwire v1 registration grant", field(granted)), NONCE)
    by_device = sign(keys["alice_identity_secret"], text_of("Sealwire v1 grant signer", one, field(granted)), NONCE)
    grant = data(1, granted) + data(2, by_account) + number(3, 1) + data(4, by_device)
    section.holds("grant", grant)
    offer = data(1, b"alice") + data(2, public(account)) + number(3, 2) + data(4, grant)
    section.holds("slot_0", slot(0, okm[:32], data(1, offer), data(1, public(existing))))
    phone = section["phone_identity_secret"]
    consent = sign(phone, text_of("Sealwire v1 device consent", field(b"alice"), public(account)), NONCE)
    answer = data(1, public(phone)) + number(2, 1003) + data(3, varint(4)) + data(5, consent)
    section.holds("slot_1", slot(1, okm[32:], data(2, answer)))
    section.holds("slot_2", slot(2, okm[:32], data(3, data(1, account))))


# docs/protocol/attachments.md


def check_attachment(section):
    nonce = section["nonce_prefix"] + bytes(4) + b"\x01"
    section.holds("nonce", nonce)
    chunk = AESGCM(section["key"]).encrypt(nonce, section["file"] + b"\0", None)
    section.holds("chunk", chunk)
    section.holds("digest", hashlib.sha256(hashlib.sha256(chunk).digest()).digest())


# docs/protocol/safety-numbers.md


def check_safety_number():
    def half(key, user):
        value = hashlib.sha512(b"\0\0" + key + user + key).digest()
        for _ in range(5_199):
            value = hashlib.sha512(value + key).digest()
        return value[:32]

    def digits(value):
        groups = [int.from_bytes(value[at : at + 5], "big") % 100_000 for at in range(0, 30, 5)]
        return "".join(f"{group:05}" for group in groups)

    alice = bytes.fromhex("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868")
    bob = bytes.fromhex("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b")
    halves = [half(alice, b"+14152222222"), half(bob, b"+14153333333")]
    assert "".join(sorted(map(digits, halves))) == "300354477692869396892869876765458257569162576843440918079131"
    code = number(1, 1) + data(2, data(1, halves[0])) + data(3, data(1, halves[1]))
    assert code.hex().startswith("080112220a201e301a0353dce3dbe7684cb8336e85136cdc0ee96219494ada30")


def main():
    sections = read_vectors()
    keys = sections["keys"]
    check_keys(keys)
    beginning(keys, sections["x3dh"], 0x34)
    root, ratchet_of_alice = beginning(keys, sections["pqxdh"], 0x44)
    reply = sections["ratchet message"]
    ends = keys["bob_identity"], keys["alice_identity"]
    turn(reply, root, reply["ratchet_secret"], ratchet_of_alice, *ends, b"hi", 0x44)
    check_content(sections["content"])
    devices = sections["devices"]
    check_devices(devices, keys)
    check_linking(sections["linking"], keys, devices["account_secret"])
    check_attachment(sections["attachment"])
    check_safety_number()
    for name, section in sections.items():
        if section.keys() - section.seen:
            sys.exit(f"{name}: nothing looked at {section.keys() - section.seen}")
    print("as the text says:", ", ".join(sections))


if __name__ == "__main__":
    main()
