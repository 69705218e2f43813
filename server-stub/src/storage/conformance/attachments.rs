//! Attachments.

use super::*;

#[test]
fn an_accounts_attachments_are_counted_together_and_nobody_elses() {
    on_every_engine(|storage| {
        let make = |id: &str, owner: DeviceName, size| AttachmentRecord {
            id: id.parse().unwrap(),
            owner,
            size,
            created_at: NOW,
            digest: None,
        };
        assert_eq!(done(storage.attachment_bytes(user("alice"))), 0);
        done(storage.create_attachment(make("a", name("alice", 1), 5)));
        done(storage.create_attachment(make("b", name("alice", 2), 7)));
        done(storage.create_attachment(make("c", name("bob", 1), 11)));
        assert_eq!(done(storage.attachment_bytes(user("alice"))), 12);
        let bounds = SweepBounds {
            now: LATER,
            queued_before: NOW,
            unnamed_before: LATER,
            at_most: 100,
        };
        done(storage.sweep(bounds));
        assert_eq!(done(storage.attachment_bytes(user("alice"))), 0);
    });
}
