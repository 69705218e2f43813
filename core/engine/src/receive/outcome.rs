//! What became of a row, and what the app is told of it once that is committed.

use crate::{Engine, Event, Message};
use sealwire_wire::contract::MessageRow;
use sealwire_wire::{DeviceId, MessageId, ThreadId, UserId};

/// What one row became. All of it is committed when this is looked at.
pub(super) enum Outcome {
    /// A message is in the store, and this is wrong with its place among those of its device.
    Received(Message, Vec<Event>),
    /// A placeholder became readable.
    Recovered(Message),
    /// A placeholder stands in the thread.
    Unreadable(Message),
    /// Held already.
    Duplicate {
        thread: ThreadId,
        sender: UserId,
        device: DeviceId,
    },
    /// Kept raw until this user's list was fetched.
    Parked { user: UserId },
    /// A message of this device, whose 202 was lost, has its place.
    Confirmed(Message),
    /// It may be read once something else happens, and waits parked behind its placeholder: its sender proved a list that the
    /// relay does not show, or the app has not accepted the account key that its sender is listed under.
    Waits {
        user: UserId,
        /// The list version that was proved.
        proven: Option<u64>,
        placeholder: Box<Outcome>,
    },
    /// Its time to live is over.
    Expired(Message),
    /// The relay says that it is gone, and its content does not.
    RemovalRefused {
        thread: ThreadId,
        message_id: MessageId,
    },
    /// A control message of that device did not open.
    Unheard { user: UserId, device: DeviceId },
    /// The account key came, which this device had missed.
    HoldsAccountKey,
    /// Nothing for this device.
    Ignored,
    /// Not of the contract: there is no place that it could hold.
    Refused,
}

impl Engine {
    /// Whether a message was added.
    pub(super) fn tell(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Received(message, faults) => {
                self.has_written(message.thread, &message.sender);
                self.event(Event::MessageReceived(Box::new(message)));
                faults.into_iter().for_each(|fault| self.event(fault));
            }
            Outcome::Recovered(message) => self.event(Event::MessageRecovered(Box::new(message))),
            Outcome::Unreadable(message) => self.event(Event::MessageUnreadable(Box::new(message))),
            Outcome::Confirmed(message) => self.event(Event::MessageSent(Box::new(message))),
            Outcome::Waits {
                user,
                proven,
                placeholder,
            } => {
                if let Some(version) = proven {
                    self.distrust_below(&user, version);
                }
                // Its placeholder stands already: nothing new to tell.
                if matches!(*placeholder, Outcome::Duplicate { .. }) {
                    return false;
                }
                return self.tell(*placeholder);
            }
            Outcome::Duplicate {
                thread,
                sender,
                device,
            } => {
                self.event(Event::DuplicateDropped {
                    thread,
                    sender,
                    device,
                });
                return false;
            }
            Outcome::Parked { user } => {
                self.want_lists_for_parked(user);
                return false;
            }
            Outcome::Expired(message) => {
                self.event(Event::MessageExpired(Box::new(message)));
                return false;
            }
            Outcome::RemovalRefused { thread, message_id } => {
                self.event(Event::RemovalRefused { thread, message_id });
                return false;
            }
            Outcome::Unheard { user, device } => {
                self.cannot_hear(user, device);
                return false;
            }
            Outcome::HoldsAccountKey => {
                self.restore_account_key();
                return false;
            }
            Outcome::Ignored => return false,
            Outcome::Refused => {
                self.event(Event::FrameRefused);
                return false;
            }
        }
        true
    }
}

/// Its row was here before.
pub(super) fn duplicate(row: &MessageRow) -> Outcome {
    Outcome::Duplicate {
        thread: row.thread_id,
        sender: row.sender_id.clone(),
        device: row.sender_device_id,
    }
}
