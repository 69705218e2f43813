//! Attachments' chunks through WebCrypto, which works beside the worker and some seven times as fast as Rust in wasm.

use crate::attachments::JsBytes;
use js_sys::{ArrayBuffer, Object, Promise, Uint8Array};
use sealwire::BoxFuture;
use sealwire::attachments::{
    AttachmentPlan, ChunkCipher, OpenChunkError, Piece, RustCipher, SealChunkError, SealedChunk,
};
use std::cell::RefCell;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{AesGcmParams, CryptoKey, SubtleCrypto, WorkerGlobalScope};
use zeroize::Zeroizing;

/// WebCrypto; what it does not do for whatever reason is done in Rust. What is sealed never enters Rust's memory.
pub(crate) struct WebCipher {
    subtle: SubtleCrypto,
    /// Of the attachment that was worked on last.
    key: RefCell<Option<(Zeroizing<[u8; 32]>, CryptoKey)>>,
}

const AES_GCM: &str = "AES-GCM";
/// The tag at the end of every chunk (NIST SP 800-38D).
const TAG_BYTES: u32 = 16;

impl WebCipher {
    /// None where the page has no WebCrypto: it is not a secure one.
    pub(crate) fn new() -> Option<Self> {
        let scope: WorkerGlobalScope = js_sys::global().dyn_into().ok()?;
        let subtle = scope.crypto().ok()?.subtle();
        (!subtle.is_undefined()).then_some(Self {
            subtle,
            key: RefCell::new(None),
        })
    }

    async fn key(&self, plan: &AttachmentPlan) -> Result<CryptoKey, JsValue> {
        let bytes = plan.key().as_bytes();
        if let Some((of, key)) = &*self.key.borrow()
            && **of == *bytes
        {
            return Ok(key.clone());
        }
        let raw: Object = Uint8Array::from(bytes.as_slice()).into();
        let usages = js_sys::Array::of2(&"encrypt".into(), &"decrypt".into());
        let imported = self
            .subtle
            .import_key_with_str("raw", &raw, AES_GCM, false, &usages)?;
        let key: CryptoKey = imported.await?.dyn_into()?;
        self.key
            .replace(Some((Zeroizing::new(*bytes), key.clone())));
        Ok(key)
    }

    /// None where the plan does not fit, which Rust says better.
    async fn encrypt(
        &self,
        plan: &AttachmentPlan,
        index: u32,
        plain: &Uint8Array,
    ) -> Result<Option<SealedChunk>, JsValue> {
        let Some(padded) = padded(plan, index, plain) else {
            return Ok(None);
        };
        let key = self.key(plan).await?;
        let sealed =
            self.subtle
                .encrypt_with_object_and_js_u8_array(&nonce(plan, index), &key, &padded)?;
        let sealed: ArrayBuffer = sealed.await?.dyn_into()?;
        let hash = self
            .subtle
            .digest_with_str_and_buffer_source("SHA-256", &sealed)?;
        let hash: ArrayBuffer = hash.await?.dyn_into()?;
        let mut into = [0; 32];
        let hash = Uint8Array::new(&hash);
        if hash.length() != 32 {
            return Ok(None);
        }
        hash.copy_to(&mut into);
        let bytes = JsBytes::piece(Uint8Array::new(&sealed));
        Ok(Some(SealedChunk { bytes, hash: into }))
    }

    async fn decrypt(
        &self,
        plan: &AttachmentPlan,
        index: u32,
        sealed: &[u8],
    ) -> Result<Vec<u8>, JsValue> {
        let key = self.key(plan).await?;
        let opened =
            self.subtle
                .decrypt_with_object_and_u8_array(&nonce(plan, index), &key, sealed)?;
        bytes(opened).await
    }

    async fn sha256(&self, sealed: &[u8]) -> Result<[u8; 32], JsValue> {
        let hash = self
            .subtle
            .digest_with_str_and_u8_array("SHA-256", sealed)?;
        let hash = bytes(hash).await?;
        hash.try_into().map_err(|_| JsValue::UNDEFINED)
    }
}

impl ChunkCipher for WebCipher {
    fn seal<'a>(
        &'a self,
        plan: &'a AttachmentPlan,
        index: u32,
        plain: Piece,
    ) -> BoxFuture<'a, Result<SealedChunk, SealChunkError>> {
        Box::pin(async move {
            let there = JsBytes::of(plain.clone());
            match self.encrypt(plan, index, &there).await {
                Ok(Some(sealed)) => Ok(sealed),
                Ok(None) | Err(_) => RustCipher.seal(plan, index, plain).await,
            }
        })
    }

    fn open<'a>(
        &'a self,
        plan: &'a AttachmentPlan,
        index: u32,
        sealed: &'a [u8],
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, OpenChunkError>> {
        Box::pin(async move {
            plan.expect_sealed(index, sealed.len())?;
            match self.decrypt(plan, index, sealed).await {
                Ok(padded) => plan.unpad(index, Zeroizing::new(padded)),
                // It may have been no more than WebCrypto's own trouble: what is not authentic, Rust refuses too.
                Err(_) => RustCipher.open(plan, index, sealed).await,
            }
        })
    }

    fn hash<'a>(&'a self, sealed: &'a [u8]) -> BoxFuture<'a, [u8; 32]> {
        Box::pin(async move {
            match self.sha256(sealed).await {
                Ok(hash) => hash,
                Err(_) => RustCipher.hash(sealed).await,
            }
        })
    }
}

/// What is encrypted for a chunk: its bytes of the file, and zeros up to the length of its place.
fn padded(plan: &AttachmentPlan, index: u32, plain: &Uint8Array) -> Option<Uint8Array> {
    let file = plan.layout().plain_range(index)?;
    let place = plan.layout().encrypted_range(index)?;
    let length = u32::try_from(place.end - place.start).ok()? - TAG_BYTES;
    if u64::from(plain.length()) != file.end - file.start {
        return None;
    }
    if plain.length() == length {
        // Nearly all of them.
        return Some(plain.clone());
    }
    let padded = Uint8Array::new_with_length(length);
    padded.set(plain, 0);
    Some(padded)
}

fn nonce(plan: &AttachmentPlan, index: u32) -> AesGcmParams {
    let nonce: Object = Uint8Array::from(plan.nonce(index).as_slice()).into();
    AesGcmParams::new(AES_GCM, &nonce)
}

/// WebCrypto copies what it is given before it gives its promise: a view of this memory is safe to hand over.
async fn bytes(promise: Promise) -> Result<Vec<u8>, JsValue> {
    let buffer: ArrayBuffer = promise.await?.dyn_into()?;
    Ok(Uint8Array::new(&buffer).to_vec())
}
