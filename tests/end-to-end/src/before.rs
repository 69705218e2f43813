//! People whose devices were never updated: they speak X3DH alone. Their stores and what a relay had of them are those that the build of before
//! PQXDH left (core/engine/tests/before_kem, made by `make.rs` there).

use crate::{ByHand, Home};
use sealwire_wire::contract::RegisterDevice;
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct AtTheRelay {
    registered: Vec<RegisterDevice>,
}

fn left(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/engine/tests/before_kem");
    folder.join(name)
}

/// Registers alice, bob and carol as their builds of before did. None of them is on.
pub async fn register_people_of_before(relay: &str) {
    let text = std::fs::read(left("relay.json")).unwrap();
    let before: AtTheRelay = serde_json::from_slice(&text).unwrap();
    for device in before.registered {
        let platform = ByHand::platform(relay, &device.user_id).await;
        let answer = platform.post("/v1/devices", &device).await;
        let said = String::from_utf8_lossy(&answer.body);
        assert!(answer.status < 300, "{}: {said}", answer.status);
    }
}

/// The device of alice or bob of before: opened, it is updated.
pub async fn device_of_before(relay: &str, name: &str) -> Home {
    let store = left(&format!("{name}.store"));
    Home::with_store(relay, &store, [7; 32], [9; 16], 1).await
}
