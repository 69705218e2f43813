//! Two people, one relay: send, receive, search.
#![allow(clippy::print_stdout)]
use sealwire::{Client, Event, FileKeyStore};
use sealwire_relay::{Relay, RelayConfig, RelayData};
use std::{error::Error, sync::Arc};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A relay inside this process. It sees ciphertext alone.
    let relay = Relay::start(RelayConfig::new(RelayData::Memory)).await?;

    // A client is one device: an encrypted store, and something that keeps its key.
    let folder = tempfile::tempdir()?;
    let keys = Arc::new(FileKeyStore::new(folder.path().join("alice.keys")));
    let alice = Client::builder(relay.url()).store(folder.path().join("alice.db"));
    let alice = alice.key_store(keys).open().await?;
    alice.register("alice").await?;
    let bob = Client::builder(relay.url()).in_memory().open().await?;
    // Before he is online: what waits for a device is told once.
    let mut events = bob.events();
    bob.register("bob").await?;

    // Durable when this returns; encrypted, sent and repeated by itself from then on.
    let thread = alice.direct_thread("bob").await?;
    alice.send_text(thread, "Ein Gruß aus Köln 👋").await?;
    while let Some(event) = events.next().await {
        if let Event::MessageReceived(message) = event {
            println!("{}: {}", message.sender, message.text().unwrap_or("a file"));
            break;
        }
    }

    // On the device, in any script, with or without accents.
    let found = bob.search("koln", None, None, 10).await?;
    println!("found: {}", found.len());

    alice.close().await?;
    bob.close().await?;
    relay.shutdown().await;
    Ok(())
}
