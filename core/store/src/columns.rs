//! How ids, secrets and enums stand in columns. A value that does not parse is damage, never "absent".

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use sealwire_wire::contract::EnvelopeType;
use sealwire_wire::{ClientSeq, DeviceId, IdempotencyKey, MessageId, ThreadId, Timestamp, UserId};
use zeroize::Zeroizing;

/// A value on its way into or out of a column.
pub(crate) struct Col<T>(pub T);

macro_rules! text_column {
    ($($id:ty),*) => {$(
        impl ToSql for Col<&$id> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.0.as_str()))
            }
        }
        impl FromSql for Col<$id> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map(Col).map_err(|error| FromSqlError::Other(Box::new(error)))
            }
        }
    )*};
}
text_column!(UserId, IdempotencyKey);

macro_rules! bytes_column {
    ($($id:ty => $to:expr, $from:expr;)*) => {$(
        impl ToSql for Col<$id> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from($to(&self.0)))
            }
        }
        impl FromSql for Col<$id> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Ok(Col($from(fixed(value)?)))
            }
        }
    )*};
}
bytes_column! {
    ThreadId => |id: &ThreadId| id.as_bytes().to_vec(), ThreadId::from_bytes;
    MessageId => |id: &MessageId| id.to_bytes().to_vec(), MessageId::from_bytes;
}

/// SQLite's integers are signed: what is above `i64::MAX` is refused rather than wrapped.
macro_rules! u64_column {
    ($($id:ident),*) => {$(
        impl ToSql for Col<$id> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                i64::try_from(self.0.0)
                    .map(ToSqlOutput::from)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
            }
        }
        impl FromSql for Col<$id> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                unsigned(value).map($id).map(Col)
            }
        }
    )*};
}
u64_column!(ClientSeq, Timestamp);

impl ToSql for Col<u64> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl FromSql for Col<u64> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        unsigned(value).map(Col)
    }
}

impl ToSql for Col<DeviceId> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.get()))
    }
}

impl FromSql for Col<DeviceId> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = u32::column_result(value)?;
        DeviceId::new(number)
            .map(Col)
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Col<&Zeroizing<Vec<u8>>> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_slice()))
    }
}

impl FromSql for Col<Zeroizing<Vec<u8>>> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Col(Zeroizing::new(value.as_blob()?.to_vec())))
    }
}

impl<const N: usize> ToSql for Col<&Zeroizing<[u8; N]>> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_slice()))
    }
}

impl<const N: usize> FromSql for Col<Zeroizing<[u8; N]>> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        fixed(value).map(Zeroizing::new).map(Col)
    }
}

impl<const N: usize> ToSql for Col<&[u8; N]> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_slice()))
    }
}

impl<const N: usize> FromSql for Col<[u8; N]> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        fixed(value).map(Col)
    }
}

/// The column's type that an `Option` of it has too.
impl<T> Col<T> {
    pub(crate) fn optional(value: Option<T>) -> Option<Self> {
        value.map(Self)
    }
}

fn fixed<const N: usize>(value: ValueRef<'_>) -> FromSqlResult<[u8; N]> {
    let blob = value.as_blob()?;
    blob.try_into().map_err(|_| FromSqlError::InvalidBlobSize {
        expected_size: N,
        blob_size: blob.len(),
    })
}

fn unsigned(value: ValueRef<'_>) -> FromSqlResult<u64> {
    let number = value.as_i64()?;
    u64::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))
}

/// Gives an enum its number in a column; a number of no variant is damage.
macro_rules! number_column {
    ($name:ident { $($variant:ident = $number:literal),* $(,)? }) => {
        impl rusqlite::types::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                let number: i64 = match self { $(Self::$variant => $number),* };
                Ok(rusqlite::types::ToSqlOutput::from(number))
            }
        }
        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                match value.as_i64()? {
                    $($number => Ok(Self::$variant),)*
                    other => Err(rusqlite::types::FromSqlError::OutOfRange(other)),
                }
            }
        }
    };
}
pub(crate) use number_column;

impl ToSql for Col<EnvelopeType> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number: i64 = match self.0 {
            EnvelopeType::Prekey => 1,
            EnvelopeType::Ratchet => 2,
        };
        Ok(ToSqlOutput::from(number))
    }
}

impl FromSql for Col<EnvelopeType> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            1 => Ok(Col(EnvelopeType::Prekey)),
            2 => Ok(Col(EnvelopeType::Ratchet)),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}
