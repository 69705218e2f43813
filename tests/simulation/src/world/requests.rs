//! Requests on their way to the relay, and answers on theirs back.

use super::{Happening, World};
use crate::Broken;
use crate::faults::Fault;
use sealwire_engine::{HttpRequest, RequestId, TransportFailure};
use sealwire_wire::contract::{SendControl, SendMessage, read_json};

/// A client waits no longer for an answer.
pub(super) const PATIENCE_MS: u64 = 30_000;

/// Who waits for the answer to a request that reached the relay.
pub(super) struct Waiting {
    pub(super) device: usize,
    pub(super) life: u64,
    pub(super) id: RequestId,
    pub(super) answer_is_lost: bool,
}

impl World {
    /// A request begins its way.
    pub(super) fn send(&mut self, at: usize, request: HttpRequest) -> Result<(), Broken> {
        self.keys_are_fresh(at, &request)?;
        let place = self.place();
        let device = &mut self.devices[at];
        device.requests += 1;
        let (life, label, id) = (device.life, device.label(), request.id);
        let path = request.path.split('?').next().unwrap_or_default();
        self.journal.note(
            place,
            None,
            format_args!("{label} asks {:?} {path} ({})", request.method, id.0),
        );
        self.journal
            .bytes(request.body.as_deref().unwrap_or_default());
        let lost = |detail: &str| TransportFailure {
            detail: detail.to_owned(),
        };
        if self.goes_wrong(Fault::RequestLost) {
            let after = self.chance.between(1, PATIENCE_MS);
            self.journal.note(
                place,
                None,
                format_args!("request {} of {label} is lost", id.0),
            );
            let result = Err(lost("lost"));
            self.plan(
                after,
                Happening::AnswerArrives {
                    device: at,
                    life,
                    id,
                    result,
                },
            );
            return Ok(());
        }
        let answer_is_lost = self.goes_wrong(Fault::AnswerLost);
        let after = self.latency();
        if answer_is_lost || after > PATIENCE_MS {
            let given_up = self
                .chance
                .between(1, PATIENCE_MS)
                .max(after.min(PATIENCE_MS));
            let result = Err(lost("no answer came"));
            self.plan(
                given_up,
                Happening::AnswerArrives {
                    device: at,
                    life,
                    id,
                    result,
                },
            );
        }
        if self.goes_wrong(Fault::Duplicated) {
            let later = after + self.latency();
            let again = Box::new(request.clone());
            self.plan(
                later,
                Happening::RequestArrives {
                    device: at,
                    life,
                    request: again,
                    answer_is_lost: true,
                },
            );
        }
        let request = Box::new(request);
        self.plan(
            after,
            Happening::RequestArrives {
                device: at,
                life,
                request,
                answer_is_lost: answer_is_lost || after > PATIENCE_MS,
            },
        );
        Ok(())
    }

    /// What leaves in envelopes was sealed under keys that sealed nothing else.
    fn keys_are_fresh(&mut self, at: usize, request: &HttpRequest) -> Result<(), Broken> {
        let (Some(sender), Some(body)) = (&self.devices[at].name, &request.body) else {
            return Ok(());
        };
        let unread = |error| Broken::new("requests are of the contract", error);
        let path = request.path.as_str();
        if path.starts_with("/v1/threads/") && path.ends_with("/messages") {
            let message: SendMessage = read_json(body).map_err(unread)?;
            self.keys.leave(sender, &message.envelopes)?;
        } else if path == "/v1/control" {
            let control: SendControl = read_json(body).map_err(unread)?;
            self.keys.leave(sender, &control.to)?;
        }
        Ok(())
    }

    /// What goes wrong inside of the relay with what is asked.
    fn relay_may_suffer(&mut self, request: &HttpRequest) {
        if request.path == "/v1/auth/token" && self.goes_wrong(Fault::TokenEnds) {
            let lasts = self.chance.between(500, 120_000);
            self.relay.next_token_lasts(lasts);
        }
        if request.path.starts_with("/v1/users/") && self.goes_wrong(Fault::OldLists) {
            self.relay.next_lists_are_old();
        }
    }

    pub(super) fn latency(&mut self) -> u64 {
        if self.goes_wrong(Fault::Delayed) {
            self.chance.between(1_000, 90_000)
        } else {
            self.chance.between(1, 40)
        }
    }

    pub(super) fn request_arrives(
        &mut self,
        device: usize,
        life: u64,
        request: HttpRequest,
        answer_is_lost: bool,
    ) {
        let id = request.id;
        self.relay_may_suffer(&request);
        if !self.relay.is_up() {
            let after = self.chance.between(1, 200);
            let detail = "refused: nobody listens".to_owned();
            let result = Err(TransportFailure { detail });
            if !answer_is_lost {
                self.plan(
                    after,
                    Happening::AnswerArrives {
                        device,
                        life,
                        id,
                        result,
                    },
                );
            }
            return;
        }
        self.last_ticket += 1;
        self.tickets.insert(
            self.last_ticket,
            Waiting {
                device,
                life,
                id,
                answer_is_lost,
            },
        );
        self.relay.ask(self.last_ticket, request);
    }
}
