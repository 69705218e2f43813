//! Every store opened again cold, without a relay: rows counted, searches run.

use crate::conversation::{Conversation, Picture};
use crate::devices::Device;
use crate::probes::{HITS_MAX, Probe, probes};
use crate::report::Expectations;
use crate::{Done, client};

/// What one device's store holds when it is opened cold.
pub(crate) struct Cold {
    pub(crate) rows: u64,
    /// Hits of all probes together.
    pub(crate) hits: usize,
    pub(crate) expected_hits: usize,
}

pub(crate) async fn reopen(
    devices: &mut [Device],
    conversation: &Conversation,
    picture: &Picture,
    expect: &mut Expectations,
) -> Done<Vec<Cold>> {
    let probes = probes(conversation);
    println!("cold       every store opened again without a relay");
    let mut found = Vec::new();
    for device in devices {
        device.open(true).await?;
        let rows = device
            .client()?
            .count_messages(None)
            .await
            .map_err(client("counting"))?;
        let expected = conversation.lines.len() as u64 + 1;
        expect.that(
            &format!("{} holds {expected} rows, found {rows}", device.name),
            rows == expected,
        );
        let mut cold = Cold {
            rows,
            hits: 0,
            expected_hits: 0,
        };
        for probe in &probes {
            let hits = search(device, probe).await?;
            cold.hits += hits;
            cold.expected_hits += probe.lines;
            expect.that(
                &format!(
                    "{} finds {} {:?} in {} lines, found {hits}",
                    device.name, probe.kind, probe.query, probe.lines
                ),
                probe.holds(hits),
            );
        }
        let by_name = device
            .client()?
            .search(&picture.name, None, None, 10)
            .await
            .map_err(client("searching"))?;
        let found_picture = by_name.iter().any(|message| message.attachment().is_some());
        expect.that(
            &format!("{} finds the picture by its name", device.name),
            found_picture,
        );
        device.close().await?;
        found.push(cold);
    }
    Ok(found)
}

async fn search(device: &Device, probe: &Probe) -> Done<usize> {
    let hits = device
        .client()?
        .search(&probe.query, None, None, HITS_MAX)
        .await
        .map_err(client("searching"))?;
    Ok(hits.len())
}
