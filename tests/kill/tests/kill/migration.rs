//! A store of an older version is upgraded while it is opened.

use sealwire::{FileKeyStore, KeyStore as _};
use sealwire_kill::{Home, How, Job, Told};
use std::path::Path;

/// Of the engine's tests: a device as it was before KEM prekeys.
const BEFORE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../core/engine/tests/before_kem/alice.store"
);

/// The store with its keys, as that device left them. Nobody goes online: its relay is long gone.
async fn before() -> Home {
    let home = Home::new("http://127.0.0.1:9");
    std::fs::copy(Path::new(BEFORE), home.store()).unwrap();
    let keys = FileKeyStore::new(home.keys());
    let secrets: [(&str, Vec<u8>); 3] = [
        ("store-key", vec![7; 32]),
        ("store-salt", vec![9; 16]),
        ("store-anchor", 1_u64.to_be_bytes().to_vec()),
    ];
    for (name, secret) in secrets {
        keys.put(name, secret.into()).await.unwrap();
    }
    home
}

async fn held(home: &Home) -> Vec<Told> {
    let mut told = home.start(&Job::Look).done().await.told;
    told.retain(|told| matches!(told, Told::Held(..)));
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_upgrades_its_store_a_client_finds_everything_in_it() {
    let whole = held(&before().await).await;
    let waits = Told::Held("written before".to_owned(), "Pending".to_owned());
    assert!(whole.len() == 4 && whole.contains(&waits), "{whole:?}");
    for place in ["migration.written", "migration.committed"] {
        // The step that is due, and the look that finds no other.
        for nth in [1, 2] {
            let home = before().await;
            let place = place.parse().unwrap();
            let killed = home.start_to_die(&Job::Look, &place, nth).ended().await;
            assert_eq!(killed.how, How::Killed, "{}", killed.what);
            assert_eq!(held(&home).await, whole, "{}", killed.what);
        }
    }
}
