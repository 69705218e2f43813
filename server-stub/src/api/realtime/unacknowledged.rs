//! What was framed on a connection and not acknowledged yet.

use crate::service::QueuePosition;
use std::collections::VecDeque;

/// Queue entries framed and not acknowledged, at most; then the socket waits. No more fit one acknowledgement.
pub(super) const WINDOW: usize = crate::service::ACKNOWLEDGE_MAX;

/// Numbers the frames of a connection, and knows which of them stand for which entries of the queue.
#[derive(Default)]
pub(super) struct Unacknowledged {
    last_frame: u64,
    entries: VecDeque<(u64, QueuePosition)>,
}

/// The client acknowledged a frame that it was never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NeverSent;

impl Unacknowledged {
    /// The number of the next frame, which stands for no entry.
    pub(super) fn next_frame(&mut self) -> u64 {
        self.last_frame += 1;
        self.last_frame
    }

    /// The number of the next frame, which stands for this entry.
    pub(super) fn next_frame_of(&mut self, position: QueuePosition) -> u64 {
        let frame = self.next_frame();
        self.entries.push_back((frame, position));
        frame
    }

    /// How many entries may still be framed.
    pub(super) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.entries.len())
    }

    /// The entries framed up to this frame: exactly those that may be deleted now.
    pub(super) fn acknowledge(&mut self, up_to: u64) -> Result<Vec<QueuePosition>, NeverSent> {
        if up_to > self.last_frame {
            return Err(NeverSent);
        }
        let covered = self.entries.partition_point(|(frame, _)| *frame <= up_to);
        Ok(self
            .entries
            .drain(..covered)
            .map(|(_, position)| position)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_covers_exactly_what_was_framed_up_to_it() {
        let mut frames = Unacknowledged::default();
        let first = frames.next_frame_of(QueuePosition(10));
        let ping = frames.next_frame();
        frames.next_frame_of(QueuePosition(11));
        assert_eq!((first, ping), (1, 2));
        assert_eq!(frames.acknowledge(2), Ok(vec![QueuePosition(10)]));
        assert_eq!(frames.acknowledge(2), Ok(vec![]));
        assert_eq!(frames.acknowledge(3), Ok(vec![QueuePosition(11)]));
    }

    #[test]
    fn a_frame_of_the_future_can_not_be_acknowledged() {
        let mut frames = Unacknowledged::default();
        frames.next_frame_of(QueuePosition(10));
        assert_eq!(frames.acknowledge(2), Err(NeverSent));
        assert_eq!(frames.acknowledge(1), Ok(vec![QueuePosition(10)]));
    }

    #[test]
    fn the_window_closes_and_opens_with_the_acknowledgement() {
        let mut frames = Unacknowledged::default();
        for position in 0..WINDOW as u64 {
            frames.next_frame_of(QueuePosition(position));
        }
        assert_eq!(frames.room(), 0);
        frames.acknowledge(400).unwrap();
        assert_eq!(frames.room(), 400);
    }
}
