//! AES-256-GCM for content and media, AES-256-CBC for the messages of a session (which carry a MAC of their own).

use aes::Aes256;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use zeroize::{Zeroize, Zeroizing};

use super::backend;

/// The tag of AES-GCM (NIST SP 800-38D): a ciphertext is that much longer than its plaintext.
pub const AES256_GCM_TAG_LENGTH: usize = 16;

/// More than AES-GCM seals under one nonce (NIST SP 800-38D: just under 64 GiB). Nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too long for one sealing")]
pub struct TooLong;

/// The ciphertext, its additional data, nonce or key is not what was sealed. Nothing was decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext is not authentic")]
pub struct NotAuthentic;

/// The ciphertext is no whole number of blocks, or does not end in PKCS#7 padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext does not end in valid padding")]
pub struct BadPadding;

/// AES-256-GCM: ciphertext followed by its 16-byte tag. A key and nonce pair must never seal two plaintexts.
pub fn aes256_gcm_seal(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, TooLong> {
    let mut buffer = Vec::with_capacity(plaintext.len() + AES256_GCM_TAG_LENGTH);
    buffer.extend_from_slice(plaintext);
    aes256_gcm_seal_in_place(key, nonce, aad, &mut buffer)?;
    Ok(buffer)
}

/// The same in a buffer that holds the plaintext and then the ciphertext and its tag; after an error nothing. With
/// [`AES256_GCM_TAG_LENGTH`] to spare it does not move.
pub fn aes256_gcm_seal_in_place(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), TooLong> {
    backend::aes256_gcm_seal(key, nonce, aad, buffer).inspect_err(|_| buffer.zeroize())
}

/// Opens what [`aes256_gcm_seal`] made.
pub fn aes256_gcm_open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    aes256_gcm_open_in_place(key, nonce, aad, &mut buffer)?;
    Ok(buffer)
}

/// The same in a buffer that holds the ciphertext with its tag and then the plaintext; after an error nothing.
pub fn aes256_gcm_open_in_place(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), NotAuthentic> {
    backend::aes256_gcm_open(key, nonce, aad, buffer).inspect_err(|_| buffer.zeroize())
}

/// AES-256-CBC with PKCS#7 padding. It authenticates nothing: the caller adds a MAC.
pub fn aes256_cbc_encrypt(key: &[u8; 32], iv: &[u8; 16], plaintext: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plaintext)
}

/// Opens what [`aes256_cbc_encrypt`] made. Only after the MAC was checked: padding errors are an oracle otherwise.
pub fn aes256_cbc_decrypt(
    key: &[u8; 32],
    iv: &[u8; 16],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BadPadding> {
    cbc::Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_padded_vec::<Pkcs7>(ciphertext)
        .map(Zeroizing::new)
        .map_err(|_| BadPadding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    const GCM_KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    const GCM_NONCE: &str = "cafebabefacedbaddecaf888";
    const GCM_AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    const GCM_PLAINTEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                                 1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    const GCM_SEALED: &str = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                              8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b";

    /// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16 (used by NIST for SP 800-38D).
    #[test]
    fn nist_aes_256_gcm() {
        let (key, nonce, aad) = (
            bytes(GCM_KEY),
            bytes(GCM_NONCE),
            hex::decode(GCM_AAD).unwrap(),
        );
        let plaintext = hex::decode(GCM_PLAINTEXT).unwrap();
        let sealed = aes256_gcm_seal(&key, &nonce, &aad, &plaintext).unwrap();
        assert_eq!(hex::encode(&sealed), GCM_SEALED);
        assert_eq!(
            *aes256_gcm_open(&key, &nonce, &aad, &sealed).unwrap(),
            plaintext
        );
    }

    /// The same source, test case 13: no plaintext at all still has a tag.
    #[test]
    fn nist_aes_256_gcm_of_nothing() {
        let sealed = aes256_gcm_seal(&[0; 32], &[0; 12], b"", b"").unwrap();
        assert_eq!(hex::encode(sealed), "530f8afbc74536b9a963b4f1c4cb738b");
    }

    #[test]
    fn a_changed_bit_of_anything_does_not_open() {
        let (key, nonce) = ([1; 32], [2; 12]);
        let sealed = aes256_gcm_seal(&key, &nonce, b"aad", b"plaintext").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut tampered = sealed.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                aes256_gcm_open(&key, &nonce, b"aad", &tampered),
                Err(NotAuthentic)
            );
        }
        assert!(aes256_gcm_open(&key, &nonce, b"aae", &sealed).is_err());
        assert!(aes256_gcm_open(&key, &[3; 12], b"aad", &sealed).is_err());
        assert!(aes256_gcm_open(&[2; 32], &nonce, b"aad", &sealed).is_err());
        assert!(aes256_gcm_open(&key, &nonce, b"aad", &sealed[..15]).is_err());
    }

    /// NIST SP 800-38A, F.2.5 (CBC-AES256.Encrypt); the block of padding comes after it.
    #[test]
    fn nist_aes_256_cbc() {
        let key = bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let iv = bytes("000102030405060708090a0b0c0d0e0f");
        let plaintext: [u8; 64] = bytes(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        );
        let encrypted = aes256_cbc_encrypt(&key, &iv, &plaintext);
        assert_eq!(
            hex::encode(&encrypted[..64]),
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
             39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"
        );
        assert_eq!(encrypted.len(), 80);
        assert_eq!(
            aes256_cbc_decrypt(&key, &iv, &encrypted).unwrap()[..],
            plaintext
        );
    }

    #[test]
    fn cbc_that_was_cut_or_padded_wrongly_is_an_error() {
        let encrypted = aes256_cbc_encrypt(&[1; 32], &[2; 16], &[0xaa; 20]);
        assert!(aes256_cbc_decrypt(&[1; 32], &[2; 16], &encrypted[..31]).is_err());
        assert!(aes256_cbc_decrypt(&[1; 32], &[2; 16], &encrypted[..16]).is_err());
        assert!(aes256_cbc_decrypt(&[1; 32], &[2; 16], b"").is_err());
    }
}
