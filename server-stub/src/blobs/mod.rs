//! Attachments' bytes, encrypted as they came: a folder of files, and the signed URLs that lead to them.

mod folder;
mod range;
mod url;

pub(crate) use folder::{BlobError, BlobFolder};
pub(crate) use range::{ByteRange, NotSatisfiable};
pub(crate) use url::{Action, SignedUrl, UrlRefused, UrlSigner};
