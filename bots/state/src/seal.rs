//! Encryption of what people typed: ChaCha20-Poly1305, a random nonce before each text, bound to its place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StateError;

/// "Less safe" in that the caller chooses nonces. Ours are random: safe for some four thousand million texts under one key.
pub(crate) struct Seal(LessSafeKey);

impl Seal {
    pub(crate) fn new(key: &SecretString) -> Result<Self, StateError> {
        let bytes = STANDARD
            .decode(key.expose_secret().trim())
            .map_err(|_| StateError::Key)?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| StateError::Key)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts a value for one place (`what`, such as a table, and its key): moved elsewhere it does not open.
    pub(crate) fn close<T: Serialize>(&self, what: &str, key: &str, value: &T) -> Option<Vec<u8>> {
        let mut text = serde_json::to_vec(value).ok()?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let place = Aad::from(crate::digest(&[what, key]));
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), place, &mut text)
            .ok()?;
        Some([nonce.as_slice(), &text].concat())
    }

    /// What was closed under this key for this place; nothing if it was changed, moved, or closed under another key.
    pub(crate) fn open<T: DeserializeOwned>(
        &self,
        what: &str,
        key: &str,
        sealed: &[u8],
    ) -> Option<T> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let place = Aad::from(crate::digest(&[what, key]));
        let mut sealed = sealed.to_vec();
        let text = self.0.open_in_place(nonce, place, &mut sealed).ok()?;
        serde_json::from_slice(text).ok()
    }
}
