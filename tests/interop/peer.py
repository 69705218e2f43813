"""One device made of the independent Python libraries, driven by JSON lines: a request on stdin, its answer on stdout.

x3dh, doubleratchet and xeddsa bring the protocols; what is here is the deployed wire format, put on by hand from its
description. Every value crosses as hexadecimal.
"""

import asyncio
import json
import sys
import types

import x3dh
import x3dh.base_state
import xeddsa
from doubleratchet import DoubleRatchet, EncryptedMessage, Header
from doubleratchet.aead import AuthenticationFailedException
from doubleratchet import DoSProtectionException, DuplicateMessageException
from doubleratchet.recommended import HashFunction, aead_aes_hmac, diffie_hellman_ratchet_curve25519
from doubleratchet.recommended import kdf_hkdf, kdf_separate_hmacs
from doubleratchet.recommended.crypto_provider_impl import CryptoProviderImpl
from x3dh.identity_key_pair import IdentityKeyPairPriv

FORWARD_JUMP = 25_000
VERSION = 0x33


def verify(signature, ed25519_key, text):
    """The deployed form of XEdDSA has the sign of the key in the signature; the published one has it at 0."""
    sign = signature[63] & 0x80
    plain = signature[:63] + bytes([signature[63] & 0x7F])
    return xeddsa.ed25519_verify(plain, ed25519_key[:31] + bytes([ed25519_key[31] & 0x7F | sign]), text)


x3dh.base_state.xeddsa = types.SimpleNamespace(**{**vars(xeddsa), "ed25519_verify": verify})


class Agreement(x3dh.BaseState):
    @staticmethod
    def _encode_public_key(key_format, pub):
        return b"\x05" + pub


class RootKdf(kdf_hkdf.KDF):
    @staticmethod
    def _get_hash_function():
        return HashFunction.SHA_256

    @staticmethod
    def _get_info():
        return b"WhisperRatchet"


class ChainKdf(kdf_separate_hmacs.KDF):
    @staticmethod
    def _get_hash_function():
        return HashFunction.SHA_256


# The chain comes first, then the seed of the message.
CHAIN_CONSTANT = b"\x02\x01"


class Cipher(aead_aes_hmac.AEAD):
    """AES-256-CBC, and eight bytes of a MAC over both identities, the version byte and the protobuf."""

    @staticmethod
    async def _keys(key):
        okm = await CryptoProviderImpl.hkdf_derive(HashFunction.SHA_256, 80, b"\0" * 32, b"WhisperMessageKeys", key)
        return okm[:32], okm[32:64], okm[64:]

    @staticmethod
    async def _mac(key, associated_data, ciphertext):
        fields = message_fields(associated_data[67:100], associated_data[100:], ciphertext)
        text = associated_data[:67] + fields
        return (await CryptoProviderImpl.hmac_calculate(key, HashFunction.SHA_256, text))[:8]

    @classmethod
    async def encrypt(cls, plaintext, key, associated_data):
        cipher_key, mac_key, iv = await cls._keys(key)
        ciphertext = await CryptoProviderImpl.aes_cbc_encrypt(cipher_key, iv, plaintext)
        return ciphertext + await cls._mac(mac_key, associated_data, ciphertext)

    @classmethod
    async def decrypt(cls, ciphertext, key, associated_data):
        cipher_key, mac_key, iv = await cls._keys(key)
        ciphertext, mac = ciphertext[:-8], ciphertext[-8:]
        if mac != await cls._mac(mac_key, associated_data, ciphertext):
            raise AuthenticationFailedException("the MAC is wrong")
        return await CryptoProviderImpl.aes_cbc_decrypt(cipher_key, iv, ciphertext)


class Ratchet(DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data, header):
        numbers = header.sending_chain_length.to_bytes(4, "big") + previous(header).to_bytes(4, "big")
        return associated_data + b"\x05" + header.ratchet_pub + numbers


def previous(header):
    """The deployed number is one less than the length of the chain, and never below zero. The header of a message that came
    has it raised by one, so that the last message of a chain is not given up."""
    return max(header.previous_sending_chain_length - 1, 0)


CONFIGURATION = dict(
    diffie_hellman_ratchet_class=diffie_hellman_ratchet_curve25519.DiffieHellmanRatchet,
    root_chain_kdf=RootKdf,
    message_chain_kdf=ChainKdf,
    message_chain_constant=CHAIN_CONSTANT,
    dos_protection_threshold=FORWARD_JUMP,
    max_num_skipped_message_keys=FORWARD_JUMP,
    aead=Cipher,
)


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def message_fields(ratchet_key, numbers, ciphertext):
    counter, before = int.from_bytes(numbers[:4], "big"), int.from_bytes(numbers[4:], "big")
    return field(1, ratchet_key) + field(2, counter) + field(3, before) + field(4, ciphertext)


def parse(data):
    fields, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = number()
        value = number()
        if tag & 7 == 2:
            value, at = data[at : at + value], at + value
        fields[tag >> 3] = value
    return fields


class Session:
    def __init__(self, base_key, ratchet, beginning):
        self.base_key = base_key
        self.ratchet = ratchet
        # What every message carries until the peer has answered; the shared secret until the first message is made.
        self.beginning = beginning
        self.fresh = None


class Device:
    async def create(self, identity_secret, registration_id):
        identity = IdentityKeyPairPriv(bytes.fromhex(identity_secret))
        self.agreement = Agreement.create(
            x3dh.IdentityKeyFormat.CURVE_25519, x3dh.HashFunction.SHA_256, b"WhisperText", identity
        )
        self.identity = b"\x05" + self.agreement.bundle.identity_key
        self.registration_id = registration_id
        self.theirs = None
        self.one_time = {}
        self.signed = {}
        self.sessions = []
        return {"identity_key": self.identity.hex()}

    async def bundle(self, signed_prekey_id, one_time_prekey_id, kem):
        assert kem is None
        before = self.agreement.bundle.pre_keys
        if one_time_prekey_id is not None:
            self.agreement.generate_pre_keys(1)
            self.one_time[one_time_prekey_id] = next(iter(self.agreement.bundle.pre_keys - before))
        bundle = self.agreement.bundle
        self.signed[signed_prekey_id] = bundle.signed_pre_key
        one_time = self.one_time.get(one_time_prekey_id)
        return {
            "registration_id": self.registration_id,
            "identity_key": self.identity.hex(),
            "signed_prekey_id": signed_prekey_id,
            "signed_prekey": (b"\x05" + bundle.signed_pre_key).hex(),
            "signed_prekey_signature": bundle.signed_pre_key_sig.hex(),
            "one_time_prekey_id": one_time_prekey_id,
            "one_time_prekey": one_time and (b"\x05" + one_time).hex(),
            "kem_prekey": None,
        }

    async def begin(self, bundle):
        key = lambda name: bytes.fromhex(bundle[name])[1:]
        one_time = frozenset() if bundle["one_time_prekey"] is None else frozenset([key("one_time_prekey")])
        theirs = x3dh.Bundle(
            key("identity_key"), key("signed_prekey"), bytes.fromhex(bundle["signed_prekey_signature"]), one_time
        )
        secret, _, header = await self.agreement.get_shared_secret_active(theirs, require_pre_key=False)
        self.theirs = b"\x05" + theirs.identity_key
        beginning = b"" if bundle["one_time_prekey_id"] is None else field(1, bundle["one_time_prekey_id"])
        beginning += field(2, b"\x05" + header.ephemeral_key) + field(3, self.identity)
        beginning += field(5, self.registration_id) + field(6, bundle["signed_prekey_id"])
        session = Session(b"\x05" + header.ephemeral_key, None, beginning)
        session.fresh = (secret, theirs.signed_pre_key)
        self.sessions.insert(0, session)
        return {}

    async def seal(self, plaintext):
        session, plaintext = self.sessions[0], bytes.fromhex(plaintext)
        ends = self.identity + self.theirs + bytes([VERSION])
        if session.fresh:
            secret, ratchet_key = session.fresh
            session.ratchet, sealed = await Ratchet.encrypt_initial_message(
                shared_secret=secret,
                recipient_ratchet_pub=ratchet_key,
                message=plaintext,
                associated_data=ends,
                **CONFIGURATION,
            )
            session.fresh = None
        else:
            sealed = await session.ratchet.encrypt_message(plaintext, ends)
        header, ciphertext = sealed.header, sealed.ciphertext[:-8]
        numbers = header.sending_chain_length.to_bytes(4, "big") + previous(header).to_bytes(4, "big")
        fields = message_fields(b"\x05" + header.ratchet_pub, numbers, ciphertext)
        body = bytes([VERSION]) + fields + sealed.ciphertext[-8:]
        if session.beginning is None:
            return {"kind": 2, "body": body.hex()}
        return {"kind": 3, "body": (bytes([VERSION]) + session.beginning + field(4, body)).hex()}

    async def seal_many(self, count, keep, plaintext):
        kept = []
        for index in range(count):
            message = await self.seal(plaintext)
            if index >= count - keep:
                kept.append(message)
        return {"messages": kept}

    async def open(self, kind, body):
        body = bytes.fromhex(body)
        if kind == 2:
            return await self.open_ratchet(body, self.sessions)
        outer = parse(body[1:])
        held = [session for session in self.sessions if session.base_key == outer[2]]
        if held:
            return await self.open_ratchet(outer[4], held)
        header = x3dh.Header(
            outer[3][1:], outer[2][1:], self.signed[outer[6]], self.one_time[outer[1]] if 1 in outer else None
        )
        secret, _, prekey = await self.agreement.get_shared_secret_passive(header, require_pre_key=False)
        sealed, version = read(outer[4])
        ratchet, plaintext = await Ratchet.decrypt_initial_message(
            shared_secret=secret,
            own_ratchet_priv=prekey.priv,
            message=sealed,
            associated_data=outer[3] + self.identity + version,
            **CONFIGURATION,
        )
        self.theirs = outer[3]
        if 1 in outer:
            self.agreement.delete_pre_key(self.one_time.pop(outer[1]))
        self.sessions.insert(0, Session(outer[2], ratchet, None))
        return {"plaintext": plaintext.hex()}

    async def open_ratchet(self, body, sessions):
        sealed, version = read(body)
        failure = ValueError("no session")
        for session in sessions:
            if session.ratchet is None:
                continue
            try:
                plaintext = await session.ratchet.decrypt_message(sealed, self.theirs + self.identity + version)
            except Exception as error:
                # Of several sessions the one that knows the message says why.
                if kind_of(failure) != "used_before":
                    failure = error
                continue
            session.beginning = None
            self.sessions.remove(session)
            self.sessions.insert(0, session)
            return {"plaintext": plaintext.hex()}
        raise failure

    async def restore(self):
        for session in self.sessions:
            if session.ratchet is not None:
                stored = json.loads(json.dumps(session.ratchet.json))
                session.ratchet = Ratchet.from_json(stored, **CONFIGURATION)
        stored = json.loads(json.dumps(self.agreement.json))
        self.agreement, _ = Agreement.from_json(
            stored, x3dh.IdentityKeyFormat.CURVE_25519, x3dh.HashFunction.SHA_256, b"WhisperText"
        )
        return {}

    async def verify(self, identity_key, text, signature):
        key = xeddsa.curve25519_pub_to_ed25519_pub(bytes.fromhex(identity_key)[1:], False)
        return {"valid": verify(bytes.fromhex(signature), key, bytes.fromhex(text))}

    async def has_one_time_prekey(self, id):
        return {"held": id in self.one_time}

    async def has_kem_prekey(self, id):
        return {"held": False}


def read(body):
    fields = parse(body[1:-8])
    header = Header(fields[1][1:], fields.get(3, 0) + 1, fields[2])
    return EncryptedMessage(header, fields[4] + body[-8:]), body[:1]


def kind_of(error):
    """Why the libraries refused, in the words of these tests."""
    match error:
        case DuplicateMessageException():
            return "used_before"
        case AuthenticationFailedException():
            return "undecipherable"
        case DoSProtectionException():
            return "too_far_ahead"
    return "other"


async def main():
    device = Device()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": await getattr(device, request.pop("request"))(**request)}
        except Exception as error:
            answer = {"refused": {"kind": kind_of(error), "reason": f"{type(error).__name__}: {error}"}}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
