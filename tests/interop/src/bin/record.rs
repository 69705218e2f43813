//! Writes `vectors/`: conversations with every peer, for the tests that have none. `cargo run -p sealwire-interop --features peers --bin record`.

use std::path::Path;

use sealwire_interop::{Failure, PeerKind, Recorded};

/// The name of a file, the peer, whether with a KEM prekey.
const PEERS: [(&str, PeerKind, bool); 4] = [
    ("official_0.72.1_x3dh", PeerKind::Official072, false),
    ("official_0.72.1_pqxdh", PeerKind::Official072, true),
    ("official_0.90.0_pqxdh", PeerKind::Official090, true),
    ("python_x3dh", PeerKind::Python, false),
];

fn main() -> Result<(), Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, kind, kem) in PEERS {
        // Each side begins with each sign of its identity.
        let conversations = [
            (1, (false, true), true),
            (2, (true, false), false),
            (3, (true, false), true),
            (4, (false, true), false),
        ]
        .into_iter()
        .map(|(seed, signs, we_begin)| Recorded::with(kind, seed, signs, kem, we_begin))
        .collect::<Result<Vec<_>, _>>()?;
        let mut text = serde_json::to_string_pretty(&conversations)?;
        text.push('\n');
        std::fs::write(folder.join(format!("{name}.json")), text)?;
    }
    Ok(())
}
