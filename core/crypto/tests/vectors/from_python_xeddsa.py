"""Makes xeddsa_python.json beside it: signatures by PyPI XEdDSA 1.2.0 (MIT), an implementation of the published scheme.

    target/interop-python/bin/python core/crypto/tests/vectors/from_python_xeddsa.py

after `cargo xtask setup`. Secrets, texts and nonces are SHA-256 and SHA-512 of their numbers.
"""

import hashlib
import json
import pathlib

import xeddsa

rows = []
for number in range(40):
    seed = number.to_bytes(4, "big")
    secret = bytearray(hashlib.sha256(b"secret" + seed).digest())
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    secret = bytes(secret)
    text = hashlib.sha512(b"text" + seed).digest()[: number % 65]
    nonce = hashlib.sha512(b"nonce" + seed).digest()
    # Section 2.3, calculate_key_pair: the scalar whose point has the sign 0.
    forced = xeddsa.priv_force_sign(secret, False)
    rows.append(
        {
            "secret": secret.hex(),
            "public": xeddsa.priv_to_curve25519_pub(secret).hex(),
            "negative": forced != secret,
            "text": text.hex(),
            "nonce": nonce.hex(),
            "signature": xeddsa.ed25519_priv_sign(forced, text, nonce).hex(),
        }
    )

lines = ",\n".join(json.dumps(row) for row in rows)
(pathlib.Path(__file__).parent / "xeddsa_python.json").write_text(f"[\n{lines}\n]\n")
print(len(rows), sum(row["negative"] for row in rows))
