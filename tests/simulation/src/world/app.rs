//! The app above an engine: its calls, and what it carries out and hears.

use super::{Given, Happening, World};
use crate::Broken;
use crate::device::{Asked, word};
use crate::links::Up;
use sealwire_engine::{Call, EngineError, Event, Input, Output, Reply};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::DeviceName;

impl World {
    /// An app calls.
    pub(crate) fn call(&mut self, at: usize, call: Call, asked: Asked) -> Result<(), Broken> {
        let place = self.place();
        let device = &mut self.devices[at];
        if device.engine.is_none() {
            return Ok(());
        }
        let about = match &asked {
            Asked::Send(number) | Asked::Room(number) | Asked::File(number, _) => Some(*number),
            _ => None,
        };
        let label = device.label();
        self.journal
            .note(place, about, format_args!("{label} calls: {}", word(&call)));
        let id = device.numbered(asked);
        self.hand_in(at, Input::Call { id, call })
    }

    pub(super) fn carry_out(&mut self, at: usize, output: Output) -> Result<(), Broken> {
        let place = self.place();
        let device = &mut self.devices[at];
        let (life, label) = (device.life, device.label());
        match output {
            Output::Request(request) => self.send(at, request)?,
            Output::OpenSocket { path, bearer } => {
                let link = self.links.open(at, life);
                self.devices[at].link = Some(link);
                self.say_up(link, Up::Open { path, bearer });
            }
            Output::SendFrame(text) => {
                self.journal.bytes(text.as_bytes());
                if let Some(link) = self.devices[at].link {
                    self.say_up(link, Up::Frame(text));
                }
            }
            Output::CloseSocket => {
                if let Some(link) = self.devices[at].link.take() {
                    self.say_up(link, Up::Closed);
                }
            }
            Output::Ask { id, .. } => {
                let input = Given::Decided(id);
                let after = self.chance.between(5, 2_000);
                self.plan(
                    after,
                    Happening::Input {
                        device: at,
                        life,
                        input,
                    },
                );
            }
            Output::Done { id, result } => {
                let asked = device.calls.remove(&id);
                self.is_done(at, asked.unwrap_or(Asked::Nothing), result)?;
            }
            Output::Event(event) => {
                if let Event::Connection(state) = &event {
                    device.connection = Some(*state);
                }
                let name = device.name.clone().unwrap_or(DeviceName {
                    user_id: device.user.clone(),
                    device_id: DeviceId::FIRST,
                });
                let heard = match device.is_removed {
                    // Whatever it is told now concerns nobody.
                    true => Ok(None),
                    false => self.truth.hears(at, &name, &event),
                };
                let about = match &heard {
                    Ok(about) => *about,
                    Err(broken) => broken.message,
                };
                self.journal
                    .note(place, about, format_args!("{label} hears: {event:?}"));
                heard?;
                self.hears_of_list(at, &event)?;
                self.hears_of_marks(at, &event)?;
            }
            Output::KeepAnchor { generation } => {
                device.anchor = device.anchor.max(Some(generation));
                let input = Given::AnchorKept(generation);
                let after = self.chance.between(0, 5);
                self.plan(
                    after,
                    Happening::Input {
                        device: at,
                        life,
                        input,
                    },
                );
            }
        }
        Ok(())
    }

    fn is_done(
        &mut self,
        at: usize,
        asked: Asked,
        result: Result<Reply, EngineError>,
    ) -> Result<(), Broken> {
        let place = self.place();
        let label = self.devices[at].label();
        let about = match &asked {
            Asked::Send(number) | Asked::Room(number) | Asked::File(number, _) => Some(*number),
            _ => None,
        };
        match &result {
            Ok(_) => {
                self.journal
                    .note(place, about, format_args!("{label} is answered: {asked:?}"));
            }
            Err(error) => {
                self.journal.note(
                    place,
                    about,
                    format_args!("{label} is refused: {asked:?}: {error}"),
                );
            }
        }
        match (asked, result) {
            (Asked::Send(number), Ok(Reply::Queued(message))) => {
                self.truth.is_queued(number, &message)?;
            }
            (Asked::Room(number), Ok(Reply::Upload(room))) => {
                self.has_room(at, number, Ok(room))?
            }
            (Asked::Room(number), Err(error)) => self.has_room(at, number, Err(error))?,
            (Asked::File(number, id), Ok(Reply::Download(found))) => {
                self.is_located(at, (number, id), Ok(found))?;
            }
            (Asked::File(number, id), Err(error)) => {
                self.is_located(at, (number, id), Err(error))?;
            }
            (Asked::StartLinking, Ok(Reply::LinkCode(code))) => self.shows_code(at, code)?,
            _ => {}
        }
        Ok(())
    }
}
