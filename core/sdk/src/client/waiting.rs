//! Waiting for something to have happened, without missing that it has.

use super::Client;
use crate::Error;
use sealwire_engine::{ConnectionState, EngineError, Event, Message, MessageState};

impl Client {
    /// Waits until the client is connected and everything that was queued for it is here.
    ///
    /// That is for ever while it is offline, belongs to no account, or is refused by the relay: set a limit of your own.
    pub async fn wait_until_caught_up(&self) -> Result<(), Error> {
        let mut events = self.events();
        // Looked at after the stream began: a change in between is in the stream.
        while self.connection() != ConnectionState::Online {
            if events.next().await.is_none() {
                return Err(Error::Closed);
            }
        }
        Ok(())
    }

    /// Waits until the relay has a message of this device, and gives it as it stands then.
    ///
    /// `message_failed`: it was given up; the reason is in the message. `message_cancelled`: nobody got it.
    pub async fn wait_until_sent(&self, local_id: i64) -> Result<Message, Error> {
        let mut events = self.events();
        loop {
            let message = self
                .message(local_id)
                .await?
                .ok_or(EngineError::UnknownMessage)?;
            match message.state {
                MessageState::Pending | MessageState::Cancelling => {}
                MessageState::Cancelled => return Err(Error::MessageCancelled),
                MessageState::Failed { code } => return Err(Error::MessageFailed(code)),
                _ => return Ok(message),
            }
            loop {
                match events.next().await {
                    None => return Err(Error::Closed),
                    Some(
                        Event::MessageSent(message)
                        | Event::MessageFailed(message)
                        | Event::MessageCancelled(message),
                    ) if message.local_id == local_id => {
                        break;
                    }
                    Some(Event::Lagged { .. }) => break,
                    Some(_) => {}
                }
            }
        }
    }
}
