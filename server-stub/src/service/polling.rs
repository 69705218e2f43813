//! A device's queue without a socket: for background fetches and notification extensions.

use super::{
    ACKNOWLEDGE_MAX, Answer, MarksCursor, QueuePosition, Refusal, Service, Wake, entry_ids,
};
use crate::storage::QueueEntry;
use sealwire_wire::contract::{
    AcknowledgeQueue, DeviceName, ErrorCode, QueueItem, QueuePage, ServerEvent, ThreadMarks,
};
use sealwire_wire::limits::{QUEUE_PAGE_DEFAULT, QUEUE_PAGE_MAX};

/// Entries read from storage at once.
const CHUNK: u32 = 50;
/// A page ends with the entry that fills it: the process that polls may have 24 MB in all (an iOS notification extension).
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// Pages of marks in one answer.
const MARKS_PAGES: usize = 10;

impl Service {
    /// What the device has yet to acknowledge, oldest first, after the entry named `after`. A page may hold fewer entries than
    /// `limit` (1 to 1,000, 100 by default) and yet not be the last. The last one brings the marks that moved since a cursor.
    pub async fn poll_queue(
        &self,
        device: &DeviceName,
        after: Option<&str>,
        limit: Option<u32>,
        marks_since: Option<&str>,
    ) -> Answer<QueuePage> {
        self.authorise(device).await?;
        let limit = limit.unwrap_or(QUEUE_PAGE_DEFAULT);
        if !(1..=QUEUE_PAGE_MAX).contains(&limit) {
            let detail = format!("limit is 1 to {QUEUE_PAGE_MAX}");
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail));
        }
        let after = match after.filter(|after| !after.is_empty()) {
            None => QueuePosition::default(),
            Some(after) => entry_ids::read(&self.relay_key, device, after)?.ok_or_else(|| {
                Refusal::new(ErrorCode::InvalidCursor, "begin again without after")
            })?,
        };
        let marks_since = marks_since
            .map(|since| self.marks_cursor(&device.user_id, Some(since)))
            .transpose()?;
        let (read, has_more) = self.read_page(device, after, limit as usize).await?;
        let entries = read
            .into_iter()
            .map(|entry| {
                Ok(QueueItem {
                    entry_id: entry_ids::write(
                        &self.relay_key,
                        device,
                        QueuePosition(entry.position),
                    )?,
                    event: entry.event,
                })
            })
            .collect::<Answer<_>>()?;
        let (marks, marks_cursor) = match marks_since.filter(|_| !has_more) {
            Some(since) => self.poll_marks(device, since).await?,
            None => (Vec::new(), None),
        };
        Ok(QueuePage {
            entries,
            has_more,
            marks,
            marks_cursor,
        })
    }

    /// Deletes exactly the named entries, at most [`ACKNOWLEDGE_MAX`]. What names no entry of this device is passed over.
    pub async fn acknowledge_entries(
        &self,
        device: &DeviceName,
        request: &AcknowledgeQueue,
    ) -> Answer<Wake> {
        if request.entry_ids.len() > ACKNOWLEDGE_MAX {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                format!("at most {ACKNOWLEDGE_MAX} entries in one acknowledgement"),
            ));
        }
        let mut positions = Vec::with_capacity(request.entry_ids.len());
        for entry_id in &request.entry_ids {
            positions.extend(entry_ids::read(&self.relay_key, device, entry_id)?);
        }
        self.acknowledge(device, &positions).await
    }

    /// Marks that moved since, and where to go on: of very many some, and the rest with the next poll.
    async fn poll_marks(
        &self,
        device: &DeviceName,
        since: MarksCursor,
    ) -> Answer<(Vec<ThreadMarks>, Option<String>)> {
        let (mut marks, mut since) = (Vec::new(), since);
        for _ in 0..MARKS_PAGES {
            let page = self.marks_after(device, since).await?;
            marks.extend(page.threads);
            since = page.cursor;
            if !page.has_more {
                break;
            }
        }
        let cursor = self.write_marks_cursor(&device.user_id, since)?;
        Ok((marks, Some(cursor)))
    }

    async fn read_page(
        &self,
        device: &DeviceName,
        mut after: QueuePosition,
        limit: usize,
    ) -> Answer<(Vec<QueueEntry>, bool)> {
        let mut page: Vec<QueueEntry> = Vec::new();
        let mut bytes = 0;
        loop {
            let chunk = self
                .storage
                .queue_after(device.clone(), after.0, CHUNK)
                .await?;
            let is_last = chunk.len() < CHUNK as usize;
            for entry in chunk {
                if page.len() == limit || bytes >= PAGE_BYTES {
                    return Ok((page, true));
                }
                bytes += size(&entry.event);
                after = QueuePosition(entry.position);
                page.push(entry);
            }
            if is_last {
                return Ok((page, false));
            }
        }
    }
}

/// About how many bytes an event holds.
fn size(event: &ServerEvent) -> usize {
    match event {
        ServerEvent::Msg { message } => {
            let envelope = message.envelope.as_ref();
            message.ciphertext.0.len() + envelope.map_or(0, |envelope| envelope.body.0.len())
        }
        ServerEvent::Control { control } => control.envelope.body.0.len(),
        _ => 0,
    }
}
