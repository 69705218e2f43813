//! What handlers take out of a request: each extractor refuses with a problem of its own.

mod arriving;
mod body;
mod caller;
mod ids;

pub(crate) use arriving::Arriving;
pub(crate) use body::{Body, announced_length, refuse_compressed};
pub(crate) use caller::{
    Anybody, BundleReader, ControlSender, DevicesReader, DevicesWriter, Linking, ListPublisher,
    Peer, Platform, Reader, Registering, Sender, Writer, bearer, rated, socket_access,
};
pub(crate) use ids::{Idempotency, Params, PathIds, query_id};
