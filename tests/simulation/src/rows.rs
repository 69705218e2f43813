//! How many rows a store may have at rest.

use crate::Broken;
use crate::device::Device;
use sealwire_store::Store;

/// What a run was, for what grows with it.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Messages that were typed.
    pub(crate) typed: u64,
    /// Devices that ever were.
    pub(crate) devices: u64,
    /// Who has them.
    pub(crate) users: u64,
}

/// Every table has its bound, whatever went wrong.
pub(crate) fn rows_are_bounded(
    device: &Device,
    store: &Store,
    extent: Extent,
) -> Result<(), Broken> {
    let rows = store.rows_of_each_table();
    for (table, rows) in rows.map_err(|error| Broken::new("rows can be counted", error))? {
        let most = most_of(&table, extent);
        if most.is_none_or(|most| rows > most) {
            let detail = format!("{}: {rows} of {table}, {most:?} at most", device.label());
            return Err(Broken::new("rows stay within their bounds", detail));
        }
    }
    Ok(())
}

fn most_of(table: &str, extent: Extent) -> Option<u64> {
    /// Given out until they are used, and kept back after they were replaced: fifty stocks of a hundred, and one being made.
    const ONE_TIME: u64 = 51 * 100;
    /// What a session skips at most.
    const SKIPPED: u64 = 2_000;
    /// One a week, each kept for a month after it was replaced.
    const SIGNED: u64 = 6;
    let Extent {
        typed,
        devices,
        users,
    } = extent;
    Some(match table {
        // What waits for the network, or for another's word.
        "parked_frames" | "resyncs" | "read_uploads" | "changed_lists" | "outgoing_control" => 0,
        "account" | "store_facts" => 1,
        "prekey_ids" => 3,
        "settings" => 20,
        "one_time_prekeys" => ONE_TIME,
        // With the last resorts.
        "kem_prekeys" => ONE_TIME + SIGNED,
        "signed_prekeys" => SIGNED,
        "pinned_accounts" | "threads" | "unplaced_preferences" => users,
        // One for each device that was listed or removed, and one for each recovery.
        "device_lists" => 2 * devices + users,
        "sessions" | "control_limits" | "device_removals" => devices,
        "skipped_keys" => devices * SKIPPED,
        // A message, or a word about one, begins a session at most.
        "used_base_keys" => 2 * (typed + devices),
        // What somebody typed stands once; what could not be read, or is gone, stands in its place.
        "messages" | "outbox" | "unread_rows" => typed,
        "outbox_envelopes" | "send_log" | "unreached" => typed * devices,
        "marks" => users * users,
        "mark_moves" => 4 * typed * users,
        // SQLite's own.
        "sqlite_sequence" => 10,
        table if table.starts_with("search_index") => 10 * typed + 100,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_and_what_nobody_knows_is_too_much() {
        let extent = Extent {
            typed: 10,
            devices: 4,
            users: 2,
        };
        assert_eq!(most_of("parked_frames", extent), Some(0));
        assert_eq!(most_of("messages", extent), Some(10));
        assert_eq!(most_of("a_table_of_tomorrow", extent), None);
    }
}
