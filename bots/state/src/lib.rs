//! What the bots remember, in one SQLite file (`state.sqlite` in the data folder).
//!
//! One file of this crate for each thing that is kept: [claims](Claim) on questions, [`ChannelSettings`], the
//! [turns](Turn) of a conversation, [`Feedback`], usage and gaps. Several processes may have the file open: writes are
//! single transactions, and a claim tells replicas apart.
//!
//! # What people type
//! It may hold patient data. Nothing of it reaches the disk unless an operator asked for it, and then:
//! * questions of a conversation, questions in the making and answers only **encrypted**, under a key that is not in the
//!   file ([`Config::encryption_key`]); without a key they are in memory, for the same time;
//! * the text of a gap or the reason of a feedback only if nobody could be recognised by it (`casebook-note`). The check
//!   is made here, at the door, and not left to callers.
//!
//! No error of this crate holds such text, and `{:?}` of its values does not print it.

mod claims;
mod conversation;
mod feedback;
mod seal;
mod settings;
mod usage;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;

pub use claims::{Claim, Claimed, LEASE, LeftOver};
pub use conversation::Turn;
pub use feedback::{Feedback, Opinions};
pub use settings::{Audience, ChannelSettings, Speaks};
pub use usage::{Gap, GapCount, UsageCount};

/// In the order in which they were written. Never change one that was released: add another.
static MIGRATIONS: LazyLock<Migrations<'static>> =
    LazyLock::new(|| Migrations::new(vec![M::up(include_str!("migrations/01-bots.sql"))]));

/// What is kept, and for how long. `{:?}` hides the key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// 32 random bytes in base64 (`openssl rand -base64 32`). With it, earlier questions of a conversation, questions
    /// in the making and answers are kept encrypted in `state.sqlite` and outlast a restart. Default: none, they are in
    /// memory only. `CASEBOOK_STATE_ENCRYPTION_KEY`.
    pub encryption_key: Option<SecretString>,
    /// Hours for which a conversation's questions and the answers behind buttons are kept. 0: not at all, follow-up
    /// questions are then read alone. Default: 24.
    pub keep_conversations_h: u32,
    /// Whether the words of a question without an answer are kept for `gaps`, if they hold nothing by which a person
    /// could be recognised. Default: false, only what kind of question it was.
    pub keep_gap_text: bool,
    /// Days for which gaps are kept. Default: 90.
    pub keep_gaps_days: u32,
    /// Days for which feedback is kept. Default: 365.
    pub keep_feedback_days: u32,
    /// Days for which usage counts are kept. Default: 400.
    pub keep_usage_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            encryption_key: None,
            keep_conversations_h: 24,
            keep_gap_text: false,
            keep_gaps_days: 90,
            keep_feedback_days: 365,
            keep_usage_days: 400,
        }
    }
}

/// A failure of the state store, for the operator. It never holds text that somebody typed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// SQLite failed.
    #[error("state {path}: {source}")]
    Sql {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file was written by a newer Casebook, or is none of ours.
    #[error("state {path}: {message}: update Casebook, or name another data folder")]
    Schema {
        /// The file.
        path: PathBuf,
        /// What the migration said.
        message: String,
    },
    /// The configured key is not one.
    #[error("state.encryption_key must be 32 bytes in base64: openssl rand -base64 32 prints one")]
    Key,
    /// A worker thread of the store ended before its time.
    #[error("state {path}: a worker stopped")]
    Stopped {
        /// The file.
        path: PathBuf,
    },
}

/// Tells the time; a test passes its own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The state store. A clone is another handle to the same one; two that were opened apart are two replicas.
#[derive(Clone)]
pub struct State(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// One connection: SQLite lets one write at a time, and readers here are short.
    connection: Arc<Mutex<Connection>>,
    /// Who holds the claims that are made here.
    owner: String,
    config: Config,
    seal: Option<seal::Seal>,
    memory: conversation::Memory,
    clock: Clock,
}

impl State {
    /// Opens or creates `state.sqlite` in a data folder, and brings its schema up to date. It blocks for as long as
    /// another process migrates.
    ///
    /// # Errors
    /// Where the file cannot be opened, is of a newer Casebook, or the key is none.
    pub fn open(data: &Path, config: Config) -> Result<Self, StateError> {
        Self::open_with(data, config, Arc::new(SystemTime::now))
    }

    /// [`State::open`] with a clock of one's own, for tests of leases and retention.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn open_with(data: &Path, config: Config, clock: Clock) -> Result<Self, StateError> {
        let path = data.join("state.sqlite");
        let opened = Connection::open(&path);
        Self::prepare(path, opened, config, clock)
    }

    /// A store that ends with its last handle, for tests.
    ///
    /// # Errors
    /// As [`State::open`].
    pub fn in_memory(config: Config, clock: Clock) -> Result<Self, StateError> {
        Self::prepare(
            ":memory:".into(),
            Connection::open_in_memory(),
            config,
            clock,
        )
    }

    fn prepare(
        path: PathBuf,
        opened: rusqlite::Result<Connection>,
        config: Config,
        clock: Clock,
    ) -> Result<Self, StateError> {
        let seal = config
            .encryption_key
            .as_ref()
            .map(seal::Seal::new)
            .transpose()?;
        let sql = |source| StateError::Sql {
            path: path.clone(),
            source,
        };
        let set_up = |connection: &Connection| {
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            // What is deleted is overwritten: "kept for a day" must not mean "until the page is used again".
            connection.pragma_update(None, "secure_delete", true)
        };
        let mut connection = opened.map_err(sql)?;
        set_up(&connection).map_err(sql)?;
        MIGRATIONS
            .to_latest(&mut connection)
            .map_err(|e| StateError::Schema {
                path: path.clone(),
                message: e.to_string(),
            })?;
        let owner: String = connection
            .query_row("SELECT lower(hex(randomblob(8)))", [], |r| r.get(0))
            .map_err(sql)?;
        let memory = conversation::Memory::new(&config);
        let connection = Arc::new(Mutex::new(connection));
        Ok(Self(Arc::new(Inner {
            path,
            connection,
            owner,
            config,
            seal,
            memory,
            clock,
        })))
    }

    /// Whether conversations and answers outlast a restart.
    pub fn keeps_conversations_on_disk(&self) -> bool {
        self.0.seal.is_some() && self.0.config.keep_conversations_h > 0
    }

    /// Whether the store can be read and written: for readiness.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn check(&self) -> Result<(), StateError> {
        self.work(|c, _| c.execute("DELETE FROM usage WHERE n < 0", []).map(|_| ()))
            .await
    }

    /// Forgets what is older than the configured times, on disk and in the file's journal.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn purge(&self) -> Result<(), StateError> {
        let config = self.0.config.clone();
        self.work(move |c, now| {
            let transaction = write(c)?;
            let before = |days: u32| now - i64::from(days) * DAY;
            transaction.execute("DELETE FROM claim WHERE taken < ?1", [now - CLAIMS_KEPT])?;
            let conversations = now - i64::from(config.keep_conversations_h) * HOUR;
            transaction.execute("DELETE FROM turn WHERE at < ?1", [conversations])?;
            transaction.execute("DELETE FROM answer WHERE at < ?1", [conversations])?;
            transaction.execute(
                "DELETE FROM gap WHERE at < ?1",
                [before(config.keep_gaps_days)],
            )?;
            transaction.execute(
                "DELETE FROM feedback WHERE at < ?1",
                [before(config.keep_feedback_days)],
            )?;
            transaction.execute(
                "DELETE FROM usage WHERE day < ?1",
                [before(config.keep_usage_days) / DAY],
            )?;
            transaction.commit()?;
            // Deleted rows still stand in the journal until it is written back. Another process that is reading only
            // puts this off until the next purge; nobody's question waits for it meanwhile.
            c.busy_timeout(Duration::from_millis(100))?;
            let written = c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            c.busy_timeout(BUSY)?;
            written
        })
        .await
    }

    fn now(&self) -> i64 {
        let since = (self.0.clock)().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
    }

    /// Works on the file in a thread that may block. Dropping the future does not stop work that has begun.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StateError> {
        // Locked before a thread is taken: a burst of calls waits here and not in hundreds of threads.
        let mut connection = self.0.connection.clone().lock_owned().await;
        let now = self.now();
        let path = || self.0.path.clone();
        tokio::task::spawn_blocking(move || work(&mut connection, now))
            .await
            .map_err(|_| StateError::Stopped { path: path() })?
            .map_err(|source| StateError::Sql {
                path: path(),
                source,
            })
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({})", self.0.path.display())
    }
}

/// How long a write waits for another process's.
const BUSY: Duration = Duration::from_secs(10);
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Far longer than any platform delivers a question again.
const CLAIMS_KEPT: i64 = 2 * DAY;

/// A transaction that writes: it takes the lock at once, so that what it reads first still holds when it writes.
fn write(connection: &mut Connection) -> rusqlite::Result<rusqlite::Transaction<'_>> {
    connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
}

/// A digest of parts, in which the parts cannot run into one another.
fn digest(parts: &[&str]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}
