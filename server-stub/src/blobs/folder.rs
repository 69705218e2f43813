//! The blob folder: a file is there whole or not at all, and never changes once it is there.

use sealwire_wire::AttachmentId;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::AsyncWriteExt as _;

const UPLOADS: &str = "uploads";

/// Where the blobs lie.
pub(crate) struct BlobFolder {
    folder: PathBuf,
    next_upload: AtomicU64,
    /// Held while a finished upload takes its name, so that of two at once the second sees the first.
    naming: Mutex<()>,
}

/// Bytes on their way in. Dropped before [`Upload::finish`], nothing is left of them.
pub(crate) struct Upload {
    blobs: Arc<BlobFolder>,
    file: tokio::fs::File,
    path: PathBuf,
    written: u64,
    size: u64,
}

/// Why a blob was not stored or not read. What was there is unchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    /// More or fewer bytes than the upload was opened for.
    #[error("the upload does not have the announced size")]
    WrongSize,
    /// The upload was completed with other bytes.
    #[error("the attachment is there with other bytes")]
    OtherBytes,
    /// No bytes under this id.
    #[error("the attachment was not uploaded")]
    Absent,
    /// No room.
    #[error("the disk is full")]
    Full,
    /// Anything else.
    #[error("the blob folder does not work")]
    Io(#[source] io::Error),
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full,
            io::ErrorKind::NotFound => Self::Absent,
            _ => Self::Io(error),
        }
    }
}

impl BlobFolder {
    /// The blobs of a data folder. What earlier uploads left half done is removed.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("blobs");
        let uploads = folder.join(UPLOADS);
        match fs::remove_dir_all(&uploads) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&uploads)?;
        Ok(Self {
            folder,
            next_upload: AtomicU64::new(0),
            naming: Mutex::new(()),
        })
    }

    /// Room for an upload of exactly `size` bytes.
    pub(crate) async fn upload(self: &Arc<Self>, size: u64) -> Result<Upload, BlobError> {
        let number = self.next_upload.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(UPLOADS).join(number.to_string());
        let file = tokio::fs::File::create(&path).await?;
        Ok(Upload {
            blobs: Arc::clone(self),
            file,
            path,
            written: 0,
            size,
        })
    }

    /// A blob's file and length.
    pub(crate) async fn read(
        &self,
        id: &AttachmentId,
    ) -> Result<(tokio::fs::File, u64), BlobError> {
        let file = tokio::fs::File::open(self.path(id)).await?;
        let length = file.metadata().await?.len();
        Ok((file, length))
    }

    /// Removes a blob that nobody names any more.
    pub(crate) async fn remove(&self, id: &AttachmentId) -> Result<(), BlobError> {
        match tokio::fs::remove_file(self.path(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// An attachment id is 1 to 64 of letters, digits, `_` and `-`: a plain file name. The suffix keeps it from
    /// being the uploads' own.
    fn path(&self, id: &AttachmentId) -> PathBuf {
        self.folder.join(format!("{id}.blob"))
    }
}

impl Upload {
    /// Some more bytes.
    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<(), BlobError> {
        let written = self.written + chunk.len() as u64;
        if written > self.size {
            return Err(BlobError::WrongSize);
        }
        self.file.write_all(chunk).await?;
        self.written = written;
        Ok(())
    }

    /// All bytes are there: makes them durable under this id. The same bytes again are as good as the first time.
    pub(crate) async fn finish(mut self, id: &AttachmentId) -> Result<(), BlobError> {
        if self.written != self.size {
            return Err(BlobError::WrongSize);
        }
        self.file.flush().await?;
        self.file.sync_all().await?;
        let target = self.blobs.path(id);
        let (blobs, uploaded) = (Arc::clone(&self.blobs), self.path.clone());
        tokio::task::spawn_blocking(move || blobs.take_name(&uploaded, &target))
            .await
            .map_err(io::Error::other)?
    }
}

impl BlobFolder {
    fn take_name(&self, uploaded: &Path, target: &Path) -> Result<(), BlobError> {
        let _naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        if target.try_exists()? {
            return if same_bytes(uploaded, target)? {
                Ok(())
            } else {
                Err(BlobError::OtherBytes)
            };
        }
        fs::rename(uploaded, target)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Renamed away when all went well.
        let _ = fs::remove_file(&self.path);
    }
}

fn same_bytes(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let mut left = one.metadata()?.len();
    if left != other.metadata()?.len() {
        return Ok(false);
    }
    one.seek(SeekFrom::Start(0))?;
    let (mut a, mut b) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    while left > 0 {
        let length = left.min(a.len() as u64) as usize;
        one.read_exact(&mut a[..length])?;
        other.read_exact(&mut b[..length])?;
        if a[..length] != b[..length] {
            return Ok(false);
        }
        left -= length as u64;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    fn id(text: &str) -> AttachmentId {
        text.parse().unwrap()
    }

    async fn put(blobs: &Arc<BlobFolder>, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let mut upload = blobs.upload(bytes.len() as u64).await?;
        upload.write(bytes).await?;
        upload.finish(&id(name)).await
    }

    async fn get(blobs: &BlobFolder, name: &str) -> Vec<u8> {
        let (mut file, _) = blobs.read(&id(name)).await.unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).await.unwrap();
        bytes
    }

    fn half_done(blobs: &BlobFolder) -> usize {
        fs::read_dir(blobs.folder.join(UPLOADS)).unwrap().count()
    }

    #[tokio::test]
    async fn the_same_bytes_may_come_again_and_others_may_not() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobFolder::open(data.path()).unwrap());
        put(&blobs, "a", b"sealed").await.unwrap();
        put(&blobs, "a", b"sealed").await.unwrap();
        for other in [b"sealet".as_slice(), b"seale", b"sealed!"] {
            let refused = put(&blobs, "a", other).await;
            assert!(matches!(refused, Err(BlobError::OtherBytes)));
        }
        assert_eq!(get(&blobs, "a").await, b"sealed");
        assert_eq!(half_done(&blobs), 0);
    }

    #[tokio::test]
    async fn an_upload_of_another_size_leaves_nothing() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobFolder::open(data.path()).unwrap());
        let mut long = blobs.upload(3).await.unwrap();
        assert!(matches!(
            long.write(b"four").await,
            Err(BlobError::WrongSize)
        ));
        drop(long);
        let mut short = blobs.upload(5).await.unwrap();
        short.write(b"four").await.unwrap();
        let refused = short.finish(&id("a")).await;
        assert!(matches!(refused, Err(BlobError::WrongSize)));
        assert!(matches!(blobs.read(&id("a")).await, Err(BlobError::Absent)));
        assert_eq!(half_done(&blobs), 0);
    }

    #[tokio::test]
    async fn an_attachment_may_be_called_like_the_uploads_folder() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobFolder::open(data.path()).unwrap());
        put(&blobs, UPLOADS, b"x").await.unwrap();
        assert_eq!(get(&blobs, UPLOADS).await, b"x");
    }

    #[tokio::test]
    async fn what_a_crash_left_half_done_goes_at_the_next_start() {
        let data = tempfile::tempdir().unwrap();
        let blobs = Arc::new(BlobFolder::open(data.path()).unwrap());
        put(&blobs, "a", b"whole").await.unwrap();
        fs::write(blobs.folder.join(UPLOADS).join("9"), b"half").unwrap();
        drop(blobs);
        let blobs = Arc::new(BlobFolder::open(data.path()).unwrap());
        assert_eq!(half_done(&blobs), 0);
        assert_eq!(get(&blobs, "a").await, b"whole");
    }
}
