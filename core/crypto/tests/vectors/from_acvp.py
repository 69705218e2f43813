"""Makes acvp_ml_kem_1024.json beside it: NIST ACVP's vectors of ML-KEM-1024 (FIPS 203), key generation, encapsulation and decapsulation.

Read from the crate `fips203` 0.4.3 (crates.io, MIT OR Apache-2.0), which carries ML-KEM-keyGen-FIPS203 and ML-KEM-encapDecap-FIPS203,
internalProjection.json, as published (github.com/usnistgov/ACVP-Server, public domain):

    python3 from_acvp.py ~/.cargo/registry/src/*/fips203-0.4.3/tests/nist_vectors

The crate itself is no dependency. Keys and ciphertexts that are results stand as their SHA-256. All vectors of decapsulation are of one key,
which ACVP gives expanded and without a seed.
"""

import hashlib
import json
import pathlib
import sys

source = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent


def groups(name):
    with open(source / f"ML-KEM-{name}-FIPS203" / "internalProjection.json") as file:
        return [group for group in json.load(file)["testGroups"] if group["parameterSet"] == "ML-KEM-1024"]


def digest(text):
    return hashlib.sha256(bytes.fromhex(text)).hexdigest()


[generation] = groups("keyGen")
[encapsulation, decapsulation] = groups("encapDecap")
assert (encapsulation["function"], decapsulation["function"]) == ("encapsulation", "decapsulation")


def fields(test, *names):
    return {"id": test["tcId"], **{name: test[name].lower() for name in names}}


def rows(name, tests):
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in tests)
    return f'"{name}":[\n{lines}\n]'


parts = [
    rows("keygen", [{**fields(t, "d", "z"), "ek_sha256": digest(t["ek"]), "dk_sha256": digest(t["dk"])} for t in generation["tests"]]),
    rows("encaps", [{**fields(t, "ek", "m", "k"), "c_sha256": digest(t["c"])} for t in encapsulation["tests"]]),
    f'"dk":"{decapsulation["dk"].lower()}",\n"ek_sha256":"{digest(decapsulation["ek"])}"',
    rows("decaps", [fields(t, "c", "k", "reason") for t in decapsulation["tests"]]),
]
(here / "acvp_ml_kem_1024.json").write_text("{" + ",\n".join(parts) + "}\n")
