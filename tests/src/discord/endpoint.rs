//! Interactions over HTTP, as Discord sends them: signed with Ed25519 over a timestamp and the body.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A bot's endpoint, and the key that Discord signs with for it.
#[derive(Clone)]
pub struct Endpoint {
    address: SocketAddr,
    key: Arc<SigningKey>,
}

impl Endpoint {
    /// An endpoint with a key of its own.
    pub fn new(address: SocketAddr) -> Self {
        let key = Arc::new(SigningKey::from_bytes(&[7; 32]));
        Self { address, key }
    }

    /// The public key, as the developer portal shows it.
    pub fn public_key(&self) -> String {
        let bytes = self.key.verifying_key().to_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Sends an event as Discord does; returns status and body.
    pub async fn deliver(&self, event: &Value) -> (u16, String) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        self.deliver_at(event, now.as_secs()).await
    }

    /// As [`Endpoint::deliver`], signed at another time.
    pub async fn deliver_at(&self, event: &Value, timestamp: u64) -> (u16, String) {
        let (body, timestamp) = (event.to_string(), timestamp.to_string());
        let signature = self.sign(&timestamp, &body);
        self.post(&signature, &timestamp, &body).await
    }

    /// The signature over a timestamp and a body.
    pub fn sign(&self, timestamp: &str, body: &str) -> String {
        let signature = self.key.sign(format!("{timestamp}{body}").as_bytes());
        let bytes = signature.to_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Any request to the endpoint.
    pub async fn post(&self, signature: &str, timestamp: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("listens");
        let head = format!(
            "POST /interactions HTTP/1.1\r\nhost: bot\r\nconnection: close\r\ncontent-type: application/json\r\n\
             x-signature-ed25519: {signature}\r\nx-signature-timestamp: {timestamp}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let sent = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await
        };
        // A body that is too long may be refused before it was sent.
        let _ = sent.await;
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply).await;
        let reply = String::from_utf8_lossy(&reply);
        let status = reply
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status.unwrap_or(0), body.to_owned())
    }
}
